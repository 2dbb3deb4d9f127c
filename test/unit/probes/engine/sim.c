/* SPDX-License-Identifier: Apache-2.0 */
/* The clock, the engine under test, and the clusters as they truly are. */
#include "sim.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define START_NS (1000 * LOOP_S)
#define CALM_S 20 /* before anything goes wrong */
#define AFTER_S 150

struct sim *sim;

unsigned sim_random(unsigned n)
{
	sim->random ^= sim->random << 13;
	sim->random ^= sim->random >> 7;
	sim->random ^= sim->random << 17;
	return (unsigned)(sim->random >> 16) % n;
}

static uint64_t clock_now(void *ctx)
{
	return sim->now_ns;
}

static int64_t clock_now_ms(void *ctx)
{
	return (int64_t)(sim->now_ns / LOOP_MS);
}

/* Nothing happens until then; if the machine is paused, nothing until later. */
static void clock_idle(void *ctx, uint64_t until_ns)
{
	sim->now_ns = until_ns + sim->pause_ns;
	if (sim->pause_ns)
		sim->resumed_ns = sim->now_ns;
	sim->pause_ns = 0;
}

struct server *sim_server_at(const uint8_t ip[4])
{
	struct server *s;

	if (ip[0] != 10 || ip[1] >= sim->n_fleets || ip[3] < 1 || ip[3] > sim->fleets[ip[1]].n)
		return &sim->nobody;
	s = &sim->fleets[ip[1]].servers[ip[3] - 1];
	return s->ip[2] == ip[2] ? s : &sim->nobody;
}

const struct fleet *fleet_of_name(const struct name *n)
{
	while (n->alias)
		n = n->alias;
	return &sim->fleets[n->fleet];
}

/* DNS follows, late. */
static void dns_turned(void *ctx)
{
	struct fleet *f = ctx;

	f->writer_name->leads = f->writer;
}

void fleet_set_writer(struct fleet *f, struct server *writer)
{
	if (f->writer != writer)
		rate_add(&f->handovers, sim->now_ns);
	f->writer = writer;
	f->writer_ns = f->moved_ns = sim->now_ns;
	f->awaited = true;
	for (unsigned i = 0; i < f->n; i++) {
		f->servers[i].claims = &f->servers[i] == writer;
		f->servers[i].names_writer = writer;
	}
	loop_timer_set_in(sim->loop, &f->dns_turn, (1 + sim_random(15)) * LOOP_S);
}

static struct server *other_server(struct fleet *f)
{
	unsigned at = (unsigned)(f->writer - f->servers);

	return &f->servers[(at + 1 + sim_random(f->n - 1)) % f->n];
}

void fleet_hand_over(struct fleet *f)
{
	sim->changed_ns = sim->now_ns;
	if (!loop_timer_is_set(&f->promotion))
		fleet_set_writer(f, other_server(f));
}

static void promoted(void *ctx)
{
	struct fleet *f = ctx;
	struct server *old = f->writer;

	fleet_set_writer(f, other_server(f));
	old->dial = DIAL_OK;
	old->black_hole = false;
	server_changed(old);
}

void fleet_crash(struct fleet *f, uint64_t without_ns)
{
	if (loop_timer_is_set(&f->promotion))
		return;
	f->moved_ns = f->writer->silent_ns = sim->now_ns;
	f->awaited = false;
	if (sim_random(3) == 0) {
		f->writer->black_hole = true;
	} else {
		f->writer->dial = DIAL_REFUSED;
		server_cut(f->writer);
	}
	server_changed(f->writer);
	loop_timer_set_in(sim->loop, &f->promotion, without_ns);
}

static void server_heal(struct server *s, struct server *writer)
{
	s->black_hole = s->no_table = false;
	s->dial = DIAL_OK;
	s->login = LOGIN_OK;
	s->reply = REPLY_OK;
	s->claims = s == writer;
	s->names_writer = writer;
	(void)snprintf(s->uuid, sizeof(s->uuid), "uuid-%u-%u", s->fleet, s->slot);
	if (sim->world->replaced && sim->bad) {
		server_cut(s);
		s->ip[2]++;
	}
	server_changed(s);
}

/* Only the engine's own memory of what was is left of the evil. */
void sim_heal(void)
{
	watch_trace("all is well");
	for (unsigned i = 0; i < sim->n_fleets; i++) {
		struct fleet *f = &sim->fleets[i];

		loop_timer_stop(sim->loop, &f->promotion);
		loop_timer_stop(sim->loop, &f->dns_turn);
		f->healed_ns = sim->now_ns;
		f->awaited = false;
		rate_add(&f->handovers, sim->now_ns);
		for (unsigned k = 0; k < f->n; k++)
			server_heal(&f->servers[k], f->writer);
		f->writer_name->leads = f->writer;
		f->own_name->alias = f->writer_name;
	}
	for (unsigned i = 0; i < sim->n_names; i++) {
		sim->names[i].dns = DNS_OK;
		sim->names[i].any_of = 0;
		if (sim->names[i].home)
			sim->names[i].leads = sim->names[i].home;
	}
	sim->bad = sim->paused = false;
	sim->pause_ns = 0;
	sim->changed_ns = sim->now_ns;
}

static struct name *name_new(const char *format, unsigned fleet, const struct server *leads)
{
	char text[PEL_NAME_MAX];
	struct name *n;

	(void)snprintf(text, sizeof(text), format, fleet, fleet);
	n = name_add(text, fleet);
	n->leads = leads;
	return n;
}

static void server_make(struct fleet *f, unsigned fleet, unsigned slot)
{
	struct server *s = &f->servers[slot];
	struct name *n;
	char text[PEL_NAME_MAX];

	*s = (struct server){.used = true, .fleet = fleet, .slot = slot};
	s->ip[0] = 10;
	s->ip[1] = (uint8_t)fleet;
	s->ip[3] = (uint8_t)(slot + 1);
	s->rtt_ns = (200 + sim_random(1800)) * 1000;
	(void)snprintf(s->id, sizeof(s->id), "c%u-i%u", fleet, slot);
	if (sim->world->coordinator)
		(void)snprintf(text, sizeof(text), "db.dc%u.c%u.example", slot, fleet);
	else
		(void)snprintf(text, sizeof(text), "%s.abc%u.us-east-1.rds.amazonaws.com", s->id,
			fleet);
	n = name_add(text, fleet);
	n->leads = n->home = s;
}

static void fleet_make(unsigned i)
{
	struct fleet *f = &sim->fleets[i];

	f->n = 2 + sim_random(SIM_SERVERS - 1);
	f->good = i >= sim->n_bad;
	for (unsigned k = 0; k < f->n; k++)
		server_make(f, i, k);
	f->writer = &f->servers[sim_random(f->n)];
	for (unsigned k = 0; k < f->n; k++)
		server_heal(&f->servers[k], f->writer);
	f->moved_ns = sim->now_ns;
	f->writer_name =
		name_new(sim->world->coordinator ? "primary.c%u.example"
						 : "c%u.cluster-abc%u.us-east-1.rds.amazonaws.com",
			i, f->writer);
	f->reader_name = name_new("c%u.cluster-ro-abc%u.us-east-1.rds.amazonaws.com", i, NULL);
	f->reader_name->any_reader = true;
	f->own_name = name_new("db%u.shop.example", i, NULL);
	f->own_name->alias = f->writer_name;
	loop_timer_init(&f->promotion, promoted, f);
	loop_timer_init(&f->dns_turn, dns_turned, f);
}

void sim_follow(const char *name, const char *user, const char *password)
{
	struct credential credential = {.origin = CREDENTIAL_FOLLOWED};

	if (user) {
		strcpy(credential.user, user);
		strcpy(credential.password, password);
	}
	if (engine_follow(sim->engine, name, 0, user ? &credential : NULL) < 0)
		abort();
	name_add(name, 0)->followed = true;
}

static void follow_all(void)
{
	for (unsigned i = 0; i < sim->n_fleets; i++) {
		struct fleet *f = &sim->fleets[i];

		if (sim->world->own_names || sim->world->coordinator)
			sim_follow(f->own_name->text, NULL, NULL);
		if (sim->world->coordinator)
			continue;
		sim_follow(f->writer_name->text, NULL, NULL);
		sim_follow(f->reader_name->text, NULL, NULL);
	}
}

static void turned(void *ctx)
{
	const struct world *w = sim->world;

	if (!sim->bad && !w->coordinator) /* which goes on telling what is true */
		return;
	w->turn();
	loop_timer_set_in(sim->loop, &sim->turn,
		(w->least_ms + sim_random(w->most_ms - w->least_ms + 1)) * LOOP_MS);
}

static void fleet_strike(struct fleet *f)
{
	for (unsigned i = 0; i < f->n; i++) {
		sim->world->strike(&f->servers[i]);
		server_changed(&f->servers[i]);
	}
}

static void begin_evil(void)
{
	watch_trace("evil begins");
	sim->bad = true;
	sim->changed_ns = sim->now_ns;
	for (unsigned i = 0; i < sim->n_names; i++) {
		if (sim->names[i].fleet < sim->n_bad)
			sim->names[i].dns = sim->world->dns;
	}
	for (unsigned i = 0; i < sim->n_bad && sim->world->strike; i++)
		fleet_strike(&sim->fleets[i]);
	if (sim->world->begin)
		sim->world->begin();
	if (sim->world->turn)
		loop_timer_set_in(sim->loop, &sim->turn, LOOP_S);
}

static void run_until(uint64_t until_ns, bool until_well)
{
	char name[PEL_ID_MAX];

	while (sim->now_ns < until_ns && !(until_well && watch_wrong_names(name) == 0)) {
		if (loop_step(sim->loop) < 0)
			abort();
		watch_look();
	}
}

static void run_s(unsigned s)
{
	run_until(sim->now_ns + s * LOOP_S, false);
}

/* All is well from now on: until the engine knows that, and then for a while. */
static void recover(unsigned limit_s)
{
	char name[PEL_ID_MAX] = "";
	uint64_t from_ns = sim->now_ns;

	run_until(from_ns + limit_s * LOOP_S, true);
	watch_note(FIGURE_RECOVERY, (sim->now_ns - from_ns) / LOOP_MS, "all");
	watch_note(FIGURE_UNRECOVERED, watch_wrong_names(name), name);
	for (unsigned i = 0; i < sim->n_fleets; i++)
		sim->fleets[i].healed_ns = sim->now_ns;
}

static void sim_open(void)
{
	const struct loop_clock clock = {.now_ns = clock_now, .idle = clock_idle};
	struct config_error error;
	const char *tmp = getenv("TMPDIR");
	char text[128];

	if (loop_new(&clock, &sim->loop) < 0)
		abort();
	loop_timer_init(&sim->turn, turned, NULL);
	strcpy(sim->nobody.id, "nobody");
	sim->nobody.dial = DIAL_UNREACHABLE;
	sim->nobody.rtt_ns = LOOP_MS;
	sim->nobody.fleet = SIM_FLEETS;
	for (unsigned i = 0; i < sim->n_fleets; i++)
		fleet_make(i);
	(void)snprintf(text, sizeof(text), "[pelorus]\n%s%s",
		sim->world->coordinator ? "dialect = read_only\n" : "",
		sim->world->no_credential ? ""
					  : "user = " SIM_USER "\npassword = " SIM_PASSWORD "\n");
	if (config_parse(text, "sim.conf", &sim->config, &error) < 0)
		abort();
	/* worlds.c speaks for it: the module is not there, and its URL plays no part */
	if (sim->world->coordinator)
		sim->config->defaults.source = CONFIG_SOURCE_HTTP;
	(void)snprintf(sim->dir, sizeof(sim->dir), "%.40s/pelorus-sim-XXXXXX", tmp ? tmp : "/tmp");
	sim->dirfd = mkdtemp(sim->dir) ? open(sim->dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;
	if (sim->dirfd < 0)
		abort();
	if (getenv("SIM_LOG") && log_new(NULL, LOG_FORMAT_LOGFMT, LOG_INFO, NULL, &sim->log) == 0)
		log_set_clock(sim->log, clock_now_ms, NULL);
}

static void engine_open(void)
{
	const struct engine_options options = {.loop = sim->loop,
		.log = sim->log,
		.config = sim->config,
		.dirfd = sim->dirfd,
		.map_mode = 0600,
		.no_option_files = true,
		.switches = &sim->switches};

	if (engine_new(&options, &sim->engine) < 0 ||
		pel_map_attach(sim->dirfd, &sim->watch.map) < 0)
		abort();
}

static void sim_close(void)
{
	engine_free(sim->engine, true);
	watch_note(FIGURE_LEFT, sim->open, "the end");
	pel_map_detach(sim->watch.map);
	(void)unlinkat(sim->dirfd, PEL_MAP_FILE, 0);
	(void)close(sim->dirfd);
	(void)rmdir(sim->dir);
	config_free(sim->config);
	log_free(sim->log);
	loop_free(sim->loop);
	free(sim);
	sim = NULL;
}

void sim_play(const struct world *world, uint64_t seed, struct figures *ret)
{
	sim = calloc(1, sizeof(*sim));
	if (!sim)
		abort();
	sim->world = world;
	sim->now_ns = START_NS;
	sim->random = seed * UINT64_C(0x9e3779b97f4a7c15) + 1;
	for (unsigned i = 0; i < 8; i++)
		(void)sim_random(2);
	sim->n_fleets = world->n_fleets ? world->n_fleets : 1 + sim_random(3);
	sim->n_bad = world->n_bad ? world->n_bad : sim->n_fleets;
	sim_open();
	engine_open();
	if (world->cold)
		begin_evil();
	follow_all();
	if (!world->cold) {
		recover(10);
		run_s(CALM_S);
		begin_evil();
	}
	run_s(world->bad_s);
	watch_gaps();
	sim_heal();
	recover(world->recover_s);
	run_s(AFTER_S);
	recover(0);
	watch_gaps();
	*ret = sim->watch.figures;
	sim_close();
}
