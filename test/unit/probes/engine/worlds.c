/* SPDX-License-Identifier: Apache-2.0 */
/* What goes wrong in each world. */
#include "sim.h"

#include "cluster/cluster.h"

#include <stdio.h>
#include <string.h>

static const unsigned errors[] = {1040, 1045, 1053, 1129, 1146, 1205, 1226, 1227, 1317, 3024};
static const unsigned full[] = {1040, 1129, 1203, 1226};

static unsigned any_of(const unsigned *list, size_t n)
{
	return list[sim_random((unsigned)n)];
}

#define ANY(list) any_of(list, sizeof(list) / sizeof(*(list)))

static struct fleet *bad_fleet(void)
{
	return &sim->fleets[sim_random(sim->n_bad)];
}

static struct server *bad_server(void)
{
	struct fleet *f = bad_fleet();

	return &f->servers[sim_random(f->n)];
}

/* DNS. */

static void dns_any_turn(void)
{
	struct name *n = &sim->names[sim_random(sim->n_names)];

	n->dns = (enum dns)sim_random(DNS_HALF + 1);
	if (sim_random(4) == 0)
		fleet_crash(bad_fleet(), (1 + sim_random(12)) * LOOP_S);
}

static void names_flap(void)
{
	for (unsigned i = 0; i < sim->n_bad; i++)
		sim->fleets[i].writer_name->any_of = sim->fleets[i].reader_name->any_of = 1;
}

/* Two resolvers, say, that do not agree. */
static void own_names_flap(void)
{
	for (unsigned i = 0; i < sim->n_bad; i++)
		sim->fleets[i].own_name->any_of = sim->n_fleets;
}

static void endpoints_flap(void)
{
	for (unsigned i = 0; i < sim->n_bad; i++)
		sim->fleets[i].writer_name->any_of = sim->fleets[i].reader_name->any_of =
			sim->n_fleets;
}

/* The endpoints resolve, the instances do not: and so no login at an address of their own. */
static void members_unresolved(void)
{
	for (unsigned i = 0; i < sim->n_bad; i++)
		sim->fleets[i].writer_name->dns = sim->fleets[i].reader_name->dns =
			sim->fleets[i].own_name->dns = DNS_OK;
}

/* One instance is deleted, and another is the writer some time later. */
static void one_unresolved(void)
{
	const struct server *gone = bad_server();

	for (unsigned i = 0; i < sim->n_names; i++) {
		if (sim->names[i].home == gone)
			sim->names[i].dns = DNS_NONE;
	}
}

/* Each instance's name leads to the next one. */
static void members_swapped(void)
{
	for (unsigned i = 0; i < sim->n_names; i++) {
		struct name *n = &sim->names[i];
		struct fleet *f = &sim->fleets[n->fleet];

		if (!n->home)
			continue;
		n->leads = &f->servers[(n->home->slot + 1) % f->n];
		server_cut(&f->servers[n->home->slot]);
	}
}

static void name_moves(void)
{
	struct fleet *f = bad_fleet();

	f->own_name->alias = sim->fleets[sim_random(sim->n_fleets)].writer_name;
	sim->changed_ns = sim->now_ns;
}

/* Logins. */

static void deny(struct server *s)
{
	s->login = LOGIN_DENIED;
	server_cut(s);
}

static void one_denied(void)
{
	struct server *s = bad_server();

	deny(s);
	server_changed(s);
}

static void unfit(struct server *s)
{
	s->login = LOGIN_UNFIT;
	server_cut(s);
}

static void fill(struct server *s)
{
	s->login = LOGIN_SPOKE;
	s->code = ANY(full);
	server_cut(s);
}

static void reset_login(struct server *s)
{
	s->login = LOGIN_RESET;
	server_cut(s);
}

static void hush_login(struct server *s)
{
	s->login = LOGIN_SILENT;
	server_cut(s);
}

static void refuse(struct server *s)
{
	s->dial = DIAL_REFUSED;
	server_cut(s);
}

static void blacken(struct server *s)
{
	s->black_hole = true;
	s->silent_ns = sim->now_ns;
}

static void wrong_credentials(void)
{
	for (unsigned i = 0; i < sim->n_bad; i++) {
		char password[16];

		for (unsigned k = 0; k < SIM_CREDENTIALS; k++) {
			(void)snprintf(password, sizeof(password), "wrong-%u", k);
			sim_follow(sim->fleets[i].writer_name->text, SIM_USER, password);
		}
	}
}

static void right_credential(void)
{
	sim->changed_ns = sim->now_ns;
	for (unsigned i = 0; i < sim->n_bad; i++)
		sim_follow(sim->fleets[i].writer_name->text, SIM_USER, SIM_PASSWORD);
}

static void one_right_credential(void)
{
	wrong_credentials();
	right_credential();
}

/* Questions. */

static void err(struct server *s)
{
	s->reply = REPLY_ERROR;
	s->code = ANY(errors);
}

static void hush(struct server *s)
{
	s->reply = REPLY_SILENT;
}

static void reset_question(struct server *s)
{
	s->reply = REPLY_RESET;
}

static void greet_alone(struct server *s)
{
	s->reply = REPLY_HELLO_ALONE;
}

static void one_errs(void)
{
	err(bad_fleet()->writer);
}

/* Roles. */

static void claim(struct server *s)
{
	s->claims = true;
	if (sim_random(2))
		s->names_writer = s;
}

/* Two claim; tables name one or the other, each its own or another's. */
static void split_turn(void)
{
	struct fleet *f = bad_fleet();
	struct server *other = &f->servers[sim_random(f->n)];
	struct server *third = &f->servers[sim_random(f->n)];

	if (!other->claims) {
		other->claims = true;
		server_changed(other);
	}
	for (unsigned i = 0; i < f->n; i++)
		f->servers[i].names_writer = sim_random(2) ? f->writer : other;
	if (sim_random(6) == 0 && third->claims) {
		third->claims = false;
		server_changed(third);
	}
	sim->changed_ns = sim->now_ns;
}

static void recant(struct server *s)
{
	s->claims = false;
	s->names_writer = NULL;
}

static void hand_over_turn(void)
{
	fleet_hand_over(bad_fleet());
}

static void crash_turn(void)
{
	fleet_crash(bad_fleet(), (100 + sim_random(15000)) * LOOP_MS);
}

static void twin(void)
{
	struct fleet *f = bad_fleet();

	strcpy(f->servers[0].uuid, f->servers[1].uuid);
}

/* A coordinator that names the members in an order of its own. */
static void coordinator_turn(void)
{
	for (unsigned i = 0; i < sim->n_fleets; i++) {
		struct fleet *f = &sim->fleets[i];
		static struct coordinator_view view;
		unsigned from = sim_random(f->n);
		char normal[PEL_NAME_MAX];
		struct cluster *c = engine_find(sim->engine, f->own_name->text, normal);

		view = (struct coordinator_view){.n = f->n};
		for (unsigned k = 0; k < f->n; k++) {
			const struct server *s = &f->servers[(from + k) % f->n];

			(void)snprintf(view.hosts[k].host, PEL_NAME_MAX, "db.dc%u.c%u.example",
				s->slot, i);
			view.hosts[k].role = s == f->writer ? PEL_ROLE_WRITER : PEL_ROLE_READER;
		}
		if (c)
			cluster_take_words(c, &view);
		if (sim->bad && sim_random(8) == 0)
			fleet_hand_over(f);
	}
}

/* Time. */

static void pause_turn(void)
{
	sim->paused = true;
	sim->pause_ns = (200 + sim_random(20000)) * LOOP_MS;
	if (sim_random(3) == 0)
		fleet_crash(bad_fleet(), (1 + sim_random(5)) * LOOP_S);
}

/* Everything. */

static void strike_any(struct server *s)
{
	static void (*const makes[])(struct server * s) = {deny, unfit, fill, reset_login,
		hush_login, refuse, blacken, err, hush, reset_question, greet_alone, claim, recant};

	makes[sim_random(sizeof(makes) / sizeof(*makes))](s);
}

static void mend(struct server *s)
{
	s->black_hole = false;
	s->dial = DIAL_OK;
	s->login = LOGIN_OK;
	s->reply = REPLY_OK;
	s->claims = s == sim->fleets[s->fleet].writer;
	s->names_writer = sim->fleets[s->fleet].writer;
}

static void any_turn(void)
{
	struct server *s = bad_server();

	switch (sim_random(5)) {
	case 0:
		fleet_crash(bad_fleet(), (100 + sim_random(15000)) * LOOP_MS);
		break;
	case 1:
		bad_fleet()->writer_name->dns = (enum dns)sim_random(DNS_HALF + 1);
		break;
	case 2:
		strike_any(s);
		break;
	default:
		mend(s);
		break;
	}
	server_changed(s);
}

/* The first of them is bad, each server in its own way; the others fail over from time to time. */
static void good_crash_turn(void)
{
	uint64_t changed_ns = sim->changed_ns;

	fleet_crash(&sim->fleets[sim->n_bad + sim_random(sim->n_fleets - sim->n_bad)],
		(1000 + sim_random(9000)) * LOOP_MS);
	sim->changed_ns = changed_ns;
}

/* clang-format off */
const struct world worlds[] = {
	{"all is well", .bad_s = 120, .recover_s = 10},
	{"writers crash", .turn = crash_turn, .least_ms = 20000, .most_ms = 60000, .bad_s = 300,
		.recover_s = 10, .own_names = true},
	{"writers hand over", .turn = hand_over_turn, .least_ms = 500, .most_ms = 10000, .bad_s = 120,
		.recover_s = 10},
	{"nothing resolves", .dns = DNS_NONE, .bad_s = 200, .recover_s = 10},
	{"nothing resolves, from the start", .dns = DNS_NONE, .bad_s = 200, .recover_s = 10,
		.cold = true, .own_names = true},
	{"DNS fails", .dns = DNS_FAILS, .bad_s = 200, .recover_s = 10, .own_names = true},
	{"DNS is silent", .dns = DNS_SILENT, .bad_s = 200, .recover_s = 10},
	{"DNS is slow", .dns = DNS_SLOW, .bad_s = 200, .recover_s = 10},
	{"DNS answers half", .dns = DNS_HALF, .bad_s = 200, .recover_s = 10},
	{"DNS does what it likes", .turn = dns_any_turn, .least_ms = 200, .most_ms = 8000, .bad_s = 300,
		.recover_s = 10, .own_names = true},
	{"names flap", names_flap, .bad_s = 200, .recover_s = 10},
	{"own names flap between clusters", own_names_flap, .n_fleets = 2, .bad_s = 200,
		.recover_s = 30, .own_names = true},
	{"endpoints flap between clusters", endpoints_flap, .bad_s = 200, .recover_s = 90,
		.lost = true, .mixed = true},
	{"members do not resolve", members_unresolved, .dns = DNS_NONE, .bad_s = 200, .recover_s = 10,
		.cold = true},
	{"a member is deleted", one_unresolved, crash_turn, 5000, 30000, .bad_s = 200, .recover_s = 10},
	{"a name moves", .turn = name_moves, .least_ms = 5000, .most_ms = 40000, .bad_s = 300,
		.n_fleets = 2, .recover_s = 30, .own_names = true},
	{"members' names are swapped", members_swapped, .bad_s = 200, .recover_s = 10,
		.lost = true},
	{"one denies", one_denied, .bad_s = 900, .recover_s = 305},
	{"denied, then replaced", .strike = deny, .bad_s = 300, .recover_s = 15, .replaced = true},
	{"denied", .strike = deny, .bad_s = 900, .recover_s = 305},
	{"denied, from the start", .strike = deny, .bad_s = 900, .recover_s = 305,
		.cold = true},
	{"unfit", .strike = unfit, .bad_s = 900, .recover_s = 1810},
	{"unfit, from the start", .strike = unfit, .bad_s = 900, .recover_s = 1810,
		.cold = true},
	{"full", .strike = fill, .bad_s = 200, .recover_s = 10},
	{"full, from the start", .strike = fill, .bad_s = 200, .recover_s = 10, .cold = true},
	{"logins are reset", .strike = reset_login, .bad_s = 200, .recover_s = 10},
	{"logins are reset, from the start", .strike = reset_login, .bad_s = 200, .recover_s = 10,
		.cold = true},
	{"logins hang", .strike = hush_login, .bad_s = 200, .recover_s = 45},
	{"logins hang, from the start", .strike = hush_login, .bad_s = 200, .recover_s = 45,
		.cold = true},
	{"refused", .strike = refuse, .bad_s = 200, .recover_s = 10},
	{"a black hole", .strike = blacken, .bad_s = 200, .recover_s = 10},
	{"many credentials, none right", wrong_credentials, right_credential, 300000, 300000,
		.bad_s = 900, .recover_s = 305, .cold = true,
		.no_credential = true},
	{"many credentials, one right", one_right_credential, .bad_s = 200, .recover_s = 10,
		.cold = true, .no_credential = true},
	{"questions fail", .strike = err, .bad_s = 200, .recover_s = 10},
	{"questions fail, from the start", .strike = err, .bad_s = 200, .recover_s = 10,
		.cold = true},
	{"the writer's questions fail", one_errs, .bad_s = 200, .recover_s = 10},
	{"questions hang", .strike = hush, .bad_s = 200, .recover_s = 10},
	{"questions hang, from the start", .strike = hush, .bad_s = 200, .recover_s = 10,
		.cold = true},
	{"questions are reset", .strike = reset_question, .bad_s = 200, .recover_s = 10},
	{"all but the hello is reset", .strike = greet_alone, .bad_s = 200, .recover_s = 10},
	{"all but the hello is reset, from the start", .strike = greet_alone, .bad_s = 200,
		.recover_s = 10, .cold = true},
	{"everybody claims", .strike = claim, .bad_s = 200, .recover_s = 10},
	{"everybody claims, from the start", .strike = claim, .bad_s = 200, .recover_s = 10,
		.cold = true},
	{"tables are split", .turn = split_turn, .least_ms = 100, .most_ms = 6000, .bad_s = 200,
		.recover_s = 10},
	{"readers only", .strike = recant, .bad_s = 200, .recover_s = 10},
	{"readers only, from the start", .strike = recant, .bad_s = 200, .recover_s = 10,
		.cold = true},
	{"a twin's uuid", twin, crash_turn, 10000, 30000, .bad_s = 200, .recover_s = 10, .cold = true},
	{"a coordinator's order", .turn = coordinator_turn, .least_ms = 900, .most_ms = 1100,
		.bad_s = 200, .recover_s = 10, .cold = true, .coordinator = true},
	{"the machine pauses", .turn = pause_turn, .least_ms = 500, .most_ms = 20000, .bad_s = 300,
		.recover_s = 10},
	{"one bad of sixteen", .strike = strike_any, .turn = good_crash_turn, .least_ms = 15000,
		.most_ms = 40000, .n_fleets = 16, .n_bad = 1,
		.bad_s = 120, .recover_s = 305},
	{"everything", .turn = any_turn, .least_ms = 50, .most_ms = 5000, .bad_s = 400,
		.recover_s = 305, .own_names = true},
};
/* clang-format on */

const unsigned n_worlds = sizeof(worlds) / sizeof(*worlds);
