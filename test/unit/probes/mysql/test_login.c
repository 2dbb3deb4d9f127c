/* SPDX-License-Identifier: Apache-2.0 */
/* Why a login failed, when the next may begin at that server, and what mends it. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "mysql/link.h"
#include "mysql/member_login.h"
#include "mysql/remedy.h"
#include "net/getaddrinfo.h"

#include <dlfcn.h>
#include <errmsg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef int register_callback(my_bool on,
	void (*told)(int mode, MYSQL *mysql, const unsigned char *data, size_t n));

static unsigned registered;

/* libmariadb's own, but that it fails the second time: there is no memory. */
register_callback ma_pvio_register_callback;
int ma_pvio_register_callback(my_bool on,
	void (*told)(int mode, MYSQL *mysql, const unsigned char *data, size_t n))
{
	register_callback *real =
		(register_callback *)(uintptr_t)dlsym(RTLD_NEXT, "ma_pvio_register_callback");

	return ++registered == 2 ? 1 : real(on, told);
}

/* Who logs in, and who bounds what is answered, are told what is read; or nobody logs in. */
static void nobody_logs_in_unheard(void **state)
{
	const struct credential credential = {.user = "u"};
	struct member_login *l;

	assert_null(member_login_new("host", 1, &credential));
	l = member_login_new("host", 1, &credential);
	assert_non_null(l);
	assert_int_equal(registered, 3);
	mysql_close(member_login_handle(l));
	member_login_free(l);
}

static void what_a_failure_is(void **state)
{
	static const struct {
		unsigned code;
		bool dialling;
		const char *text;
		enum member_failure_kind kind;
		bool heard;
	} rows[] = {
		{1045, false, "Access denied", MEMBER_DENIED, true},
		{3159, false, "Connections using insecure transport are prohibited", MEMBER_DENIED,
			true},
		{1040, false, "Too many connections", MEMBER_SPOKE, true},
		{1226, false, "max_user_connections", MEMBER_SPOKE, true},
		{1226, false, "exceeded the 'max_connections_per_hour' resource", MEMBER_UNFIT,
			true},
		{1129, false, "Host is blocked because of many connection errors", MEMBER_UNFIT,
			true},
		{2002, true, "Can't connect to server on 'h' (111)", MEMBER_REFUSED, false},
		{2003, true, "Can't connect to server on 'h' (113)", MEMBER_UNDIALLED, false},
		{2013, true, "Lost connection to server at 'handshake' (104)", MEMBER_REFUSED,
			true},
		{2013, false, "Lost connection to server at 'handshake'", MEMBER_REFUSED, true},
		{2006, false, "Server has gone away", MEMBER_REFUSED, true},
		{2026, false, "TLS/SSL error: unexpected eof while reading", MEMBER_REFUSED, true},
		{2026, false, "TLS/SSL error: Connection reset by peer (104)", MEMBER_REFUSED,
			true},
		{2026, false, "TLS/SSL error: Broken pipe (32)", MEMBER_REFUSED, true},
		{2026, false, "TLS/SSL error: Error in the pull function.", MEMBER_REFUSED, true},
		{2026, false, "TLS/SSL error: certificate verify failed", MEMBER_UNFIT, true},
		{2026, false, "TLS/SSL error: Certificate verification failure", MEMBER_UNFIT,
			true},
		{2026, false, "TLS/SSL error: wrong version number", MEMBER_UNFIT, true},
		{2026, false, "TLS/SSL error: no shared cipher", MEMBER_UNFIT, true},
		{2026, false, "TLS/SSL error: sslv3 alert handshake failure", MEMBER_UNFIT, true},
		{2026, false, "SSL is required, but the server does not support it", MEMBER_UNFIT,
			true},
		{2026, false,
			"SSL connection error: server certificate cannot be verified: 1040 Too many",
			MEMBER_SPOKE, true},
		{2012, false, "Error in server handshake", MEMBER_UNFIT, true},
		{2059, false, "Plugin dialog could not be loaded", MEMBER_UNFIT, true},
		{2061, false, "Authentication plugin reported error", MEMBER_UNFIT, true},
		{2027, false, "Malformed packet", MEMBER_UNFIT, true},
		{5010, false, "couldn't be found in restricted_auth plugin list", MEMBER_UNFIT,
			true},
		{5013, false, "Read error", MEMBER_REFUSED, true},
	};
	MYSQL *mysql = mysql_init(NULL);

	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct member_failure failure = {0};

		mysql->net.last_errno = rows[i].code;
		(void)strcpy(mysql->net.last_error, rows[i].text);
		member_login_judge_error(mysql, rows[i].dialling, &failure);
		if (failure.kind != rows[i].kind || failure.heard != rows[i].heard)
			fail_msg("%u %s: %d, %d", rows[i].code, rows[i].text, (int)failure.kind,
				failure.heard);
	}
	mysql_close(mysql);
}

static void the_grant_names_the_account(void **state)
{
	static const struct {
		const char *refusal, *account, *sql;
	} rows[] = {
		{"Access denied; you need (at least one of) the REPLICA MONITOR privilege(s) for this "
		 "operation",
			"pelorus@10.0.%", "GRANT REPLICA MONITOR ON *.* TO 'pelorus'@'10.0.%';"},
		{"you need (at least one of) the SUPER, REPLICATION CLIENT privilege(s) for this",
			"o'neil@%", "GRANT REPLICATION CLIENT ON *.* TO 'o''neil'@'%';"},
		{"SELECT command denied to user 'a'@'h' for table 't'", "a@b@localhost",
			"GRANT REPLICATION CLIENT ON *.* TO 'a@b'@'localhost';"},
		{" privilege(s)", "@", "GRANT REPLICATION CLIENT ON *.* TO ''@'';"},
		{"evil'; privilege(s)", "a@h", "GRANT REPLICATION CLIENT ON *.* TO 'a'@'h';"},
		{"denied", NULL,
			"GRANT REPLICATION CLIENT ON *.* TO the user that it logged in as;"},
	};
	static const char *const replication[] = {"REPLICATION CLIENT ON *.*", NULL};
	char sql[REMEDY_MAX];

	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		remedy_of_question(rows[i].refusal, rows[i].account, replication, sql, sizeof(sql));
		assert_string_equal(sql, rows[i].sql);
	}
}

static void the_remedy_is_for_this_user_and_reason(void **state)
{
	static const struct {
		unsigned code;
		const char *user, *words;
	} rows[] = {
		{1045, "o'neil", "CREATE USER IF NOT EXISTS 'o''neil'@'%' IDENTIFIED BY"},
		{1045, "o'neil", " GRANT USAGE ON *.* TO 'o''neil'@'%';"},
		{1698, "a", "CREATE USER"},
		{3159, "a", "demands TLS and offers none"},
		{3118, "a", "ALTER USER 'a'@'%' ACCOUNT UNLOCK;"},
		{4151, "a", "ACCOUNT UNLOCK;"},
		{1862, "a", "ALTER USER 'a'@'%' IDENTIFIED BY '<a new password>';"},
		{1524, "a", "IDENTIFIED WITH caching_sha2_password"},
	};
	static const char *const usage[] = {"USAGE ON *.*", NULL};
	static const char *const two[] = {"SELECT ON a.b", "SELECT ON a.c", NULL};
	char text[REMEDY_MAX];

	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		remedy_of_login(rows[i].user, rows[i].code, usage, text, sizeof(text));
		if (!strstr(text, rows[i].words))
			fail_msg("%u: %s", rows[i].code, text);
	}
	remedy_of_login("a", 1045, two, text, sizeof(text));
	assert_non_null(
		strstr(text, "; GRANT SELECT ON a.b TO 'a'@'%'; GRANT SELECT ON a.c TO 'a'@'%';"));
}

static void what_is_unfit_has_a_remedy_of_its_own(void **state)
{
	static const struct {
		unsigned code;
		const char *text, *words;
	} rows[] = {
		{2026, "certificate verify failed", "`ssl-ca`"},
		{2026, "TLS is required here, and the server does not offer it", "`ssl = off`"},
		{2026, "unsupported protocol", "`ssl = off`"},
		{2026, "wrong version number", "`ssl-cipher`"},
		{2059, "dialog could not be loaded", "IDENTIFIED WITH"},
		{2061, "no certificate vouches for it", "`ssl-verify-server-cert = on`"},
		{1129, "Host is blocked", "FLUSH HOSTS"},
		{1226, "max_connections_per_hour", "MAX_CONNECTIONS_PER_HOUR"},
		{0, "an answer without end", "see what answers"},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++)
		assert_non_null(strstr(remedy_of_unfit(rows[i].code, rows[i].text), rows[i].words));
}

/* Authorities are kept from libmariadb for the time of a step; the module reads them as well. */
static void the_environment_is_as_it_was(void **state)
{
	static const char *const values[] = {NULL, "/some/authorities.pem"};
	const struct credential credential = {.user = "u"};
	const struct pel_addr addr = {.family = 4, .port = 1, .ip = {127, 0, 0, 1}};

	for (size_t i = 0; i < 2; i++) {
		struct member_login *l = member_login_new("host", 1, &credential);
		MYSQL *mysql = member_login_handle(l);
		const char *is;

		if (values[i])
			assert_int_equal(setenv("SSL_CERT_FILE", values[i], 1), 0);
		else
			assert_int_equal(unsetenv("SSL_CERT_FILE"), 0);
		getaddrinfo_prepare("host", &addr);
		for (int waits = member_login_enter(l, 0); waits;)
			waits = member_login_enter(l, MYSQL_WAIT_TIMEOUT);
		getaddrinfo_prepare(NULL, NULL);
		is = getenv("SSL_CERT_FILE");
		assert_int_equal(is != NULL, values[i] != NULL);
		if (is)
			assert_string_equal(is, values[i]);
		mysql_close(mysql);
		member_login_free(l);
	}
}

/* Logins of one cluster, whose members are given up before the loop has them dial. */
struct world {
	struct links links;
	struct doors doors;
	uint64_t now;
	unsigned denials;
	uint8_t gone; /* no member is there any more */
};

static void on_denied(void *ctx)
{
	struct world *w = ctx;

	w->denials++;
}

static bool has_member(void *ctx, const struct pel_addr *addr)
{
	return addr->ip[3] != ((struct world *)ctx)->gone;
}

static void told(void *ctx, enum member_event event, const struct member_answer *answer,
	const struct member_failure *failure)
{
}

static uint64_t clock_of(void *ctx)
{
	return ((struct world *)ctx)->now;
}

static struct world *world_new(unsigned n_credentials)
{
	struct world *w = calloc(1, sizeof(*w));
	const struct loop_clock clock = {.now_ns = clock_of, .ctx = w};
	static const char *const grants[] = {"USAGE ON *.*", NULL};

	w->now = 1000 * LOOP_S;
	assert_int_equal(loop_new(&clock, &w->links.loop), 0);
	w->links.doors = &w->doors;
	w->links.name = "name";
	w->links.grants = grants;
	w->links.credentials = credentials_new();
	w->links.denied = on_denied;
	w->links.has_member = has_member;
	w->links.ctx = w;
	for (unsigned i = 0; i < n_credentials; i++) {
		struct credential c = {.origin = CREDENTIAL_FOLLOWED};

		(void)snprintf(c.user, sizeof(c.user), "user%u", i);
		assert_int_equal(credentials_add(w->links.credentials, &c), 1);
	}
	return w;
}

static void world_free(struct world *w)
{
	loop_free(w->links.loop);
	credentials_free(w->links.credentials);
	free(w);
}

static struct pel_addr server(uint8_t number)
{
	return (struct pel_addr){.family = 4, .port = 3306, .ip = {127, 0, 0, number}};
}

/* One login there, which ends like that: 1 if it began. */
static unsigned try(struct world *w, uint8_t number, enum member_failure_kind kind)
{
	const struct member_failure failure = {.kind = kind,
		.heard = true,
		.code = 1045,
		.text = "no"};
	struct pel_addr addr = server(number);
	const struct link_options options = {.addr = &addr, .host = "host", .told = told};
	struct link link;

	if (link_open(&w->links, &link, &options) < 0)
		return 0;
	if (kind == 0)
		link_ready(&w->links, &link);
	else
		link_failed(&w->links, &link, &failure);
	link_close(&w->links, &link);
	return 1;
}

static unsigned tries_within(struct world *w, uint8_t number, enum member_failure_kind kind,
	uint64_t ms)
{
	unsigned n = 0;

	for (uint64_t end = w->now + ms * LOOP_MS; w->now < end; w->now += 10 * LOOP_MS)
		n += try(w, number, kind);
	return n;
}

static void one_server_that_denies_keeps_no_other_out(void **state)
{
	struct world *w = world_new(1);

	assert_int_equal(try(w, 1, 0), 1);
	assert_int_equal(try(w, 2, 0), 1);
	assert_int_equal(try(w, 3, MEMBER_DENIED), 1);
	assert_int_equal(try(w, 3, MEMBER_DENIED), 0);
	for (uint8_t i = 1; i <= 2; i++)
		assert_int_equal(try(w, i, 0), 1);
	assert_int_equal(credentials_verdict(w->links.credentials), CREDENTIALS_GOOD);
	/* Until each of them has denied it. */
	assert_int_equal(try(w, 1, MEMBER_DENIED), 1);
	assert_int_equal(credentials_verdict(w->links.credentials), CREDENTIALS_GOOD);
	assert_int_equal(try(w, 2, MEMBER_DENIED), 1);
	assert_int_equal(credentials_verdict(w->links.credentials), CREDENTIALS_DENIED);
	assert_int_equal(w->denials, 3);
	world_free(w);
}

static void a_proof_ends_with_the_server_that_gave_it(void **state)
{
	struct world *w = world_new(1);

	assert_int_equal(try(w, 1, 0), 1);
	assert_int_equal(try(w, 2, 0), 1);
	w->gone = 1;
	assert_int_equal(try(w, 2, MEMBER_DENIED), 1);
	assert_int_equal(credentials_verdict(w->links.credentials), CREDENTIALS_DENIED);
	world_free(w);
}

/* DNS has led a name of the cluster there: it is no news of the credential. */
static void who_is_no_member_may_deny(void **state)
{
	struct world *w = world_new(1);

	assert_int_equal(try(w, 1, 0), 1);
	w->gone = 2;
	assert_int_equal(try(w, 2, MEMBER_DENIED), 1);
	assert_int_equal(credentials_verdict(w->links.credentials), CREDENTIALS_GOOD);
	assert_int_equal(w->denials, 0);
	world_free(w);
}

/* Nobody's turn is taken by the one that denies: each that is due may try what nobody has proven. */
static void an_unproven_one_comes_to_the_server_that_lets_it_in(void **state)
{
	struct world *w = world_new(1);
	unsigned good = 0;

	for (unsigned i = 0; i < 4000 && !good; i++, w->now += 10 * LOOP_MS) {
		(void)try(w, 1, MEMBER_DENIED);
		good = try(w, 2, 0);
	}
	assert_int_equal(good, 1);
	assert_true(w->now < 1040 * LOOP_S);
	world_free(w);
}

static void no_more_than_six_a_minute_in_any_state(void **state)
{
	static const enum member_failure_kind kinds[] = {MEMBER_DENIED, MEMBER_UNFIT};

	for (unsigned n = 1; n <= CREDENTIALS_MAX; n += 5) {
		for (unsigned k = 0; k < 2; k++) {
			struct world *w = world_new(n);
			unsigned sum = 0;

			for (unsigned minute = 0; minute < 10; minute++) {
				unsigned tries = 0;

				/* And somebody orders it to be tried again each second. */
				for (unsigned s = 0; s < 60; s++) {
					tries += tries_within(w, 1, kinds[k], 1000);
					if (n > 1)
						links_forgive(&w->links);
				}
				assert_in_range(tries, 0, 6);
				sum += tries;
			}
			if (n == 1)
				assert_in_range(sum, 5, 8);
			world_free(w);
		}
	}
}

static void each_credential_has_its_turn(void **state)
{
	struct world *w = world_new(13);

	(void)tries_within(w, 1, MEMBER_DENIED, 700000);
	assert_int_equal(credentials_verdict(w->links.credentials), CREDENTIALS_DENIED);
	assert_in_range(w->denials, 13, 17);
	world_free(w);
}

static void what_passes_is_tried_soon_then_more_seldom(void **state)
{
	static const enum member_failure_kind kinds[] = {MEMBER_REFUSED, MEMBER_SPOKE};

	for (unsigned k = 0; k < 2; k++) {
		struct world *w = world_new(1);

		assert_in_range(tries_within(w, 1, kinds[k], 1000), 5, 12);
		assert_in_range(tries_within(w, 1, kinds[k], 9000), 5, 12);
		(void)tries_within(w, 1, kinds[k], 600000);
		assert_in_range(tries_within(w, 1, kinds[k], 600000), 70, 80);
		links_forgive(&w->links); /* is no reason */
		assert_int_equal(tries_within(w, 1, kinds[k], 100), 0);
		links_hurry(&w->links);
		assert_int_equal(tries_within(w, 1, kinds[k], 50), 1);
		world_free(w);
	}
}

/* A close look takes the silence of a server that denies for what it is. */
static void who_must_know_asks_all_the_same(void **state)
{
	struct world *w = world_new(1);
	struct pel_addr addr = server(1);
	const struct link_options options = {.addr = &addr,
		.host = "host",
		.told = told,
		.urgent = true};
	struct link link;
	unsigned n = 0;

	assert_int_equal(try(w, 1, MEMBER_DENIED), 1);
	for (unsigned i = 0; i < 9; i++) {
		if (link_open(&w->links, &link, &options) == 0)
			link_close(&w->links, &link); /* no answer */
		else
			n++;
	}
	assert_int_equal(n, 0);
	world_free(w);
}

static void a_new_address_is_a_new_server(void **state)
{
	struct world *w = world_new(1);

	assert_int_equal(try(w, 2, 0), 1);
	(void)tries_within(w, 1, MEMBER_DENIED, 200000);
	assert_int_equal(try(w, 1, 0), 0);
	assert_int_equal(try(w, 3, 0), 1);
	world_free(w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nobody_logs_in_unheard),
		cmocka_unit_test(what_a_failure_is),
		cmocka_unit_test(the_grant_names_the_account),
		cmocka_unit_test(the_remedy_is_for_this_user_and_reason),
		cmocka_unit_test(what_is_unfit_has_a_remedy_of_its_own),
		cmocka_unit_test(the_environment_is_as_it_was),
		cmocka_unit_test(one_server_that_denies_keeps_no_other_out),
		cmocka_unit_test(a_proof_ends_with_the_server_that_gave_it),
		cmocka_unit_test(who_is_no_member_may_deny),
		cmocka_unit_test(an_unproven_one_comes_to_the_server_that_lets_it_in),
		cmocka_unit_test(no_more_than_six_a_minute_in_any_state),
		cmocka_unit_test(each_credential_has_its_turn),
		cmocka_unit_test(what_passes_is_tried_soon_then_more_seldom),
		cmocka_unit_test(who_must_know_asks_all_the_same),
		cmocka_unit_test(a_new_address_is_a_new_server),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
