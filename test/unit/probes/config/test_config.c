/* SPDX-License-Identifier: Apache-2.0 */
/* What pelorus.conf may say, what it may not, and the words in which that is told. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "config/config.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const struct {
	const char *sentence;
	const char *text;
	const char *error; /* must be part of what is said */
} bad[] = {
	{"a key before any section", "user = a\n", "f:1: user: expected a [pelorus] or [cluster"},
	{"an unknown section", "[mysqld]\n",
		"f:1: section: expected [pelorus] or [cluster NAME], found 'mysqld'"},
	{"a cluster without a name", "[cluster]\n", "f:1: section: expected [pelorus] or"},
	{"a cluster with blanks for a name", "[cluster   ]\n",
		"f:1: section: expected [pelorus] or"},
	{"an open section", "[pelorus\n", "f:1: expected [SECTION] and nothing behind it"},
	{"an empty section", "[]\n", "f:1: expected [SECTION]"},
	{"something behind a section", "[pelorus] x\n", "f:1: expected [SECTION] and nothing"},
	{"a misspelt key", "[pelorus]\nusre = a\n",
		"f:2: usre: expected a known key, such as user"},
	{"a key like no other", "[pelorus]\nbanana = 1\n", "f:2: banana: expected a key that"},
	{"a key of the other section", "[pelorus]\nendpoint = a\n",
		"f:2: endpoint: expected in a [cluster NAME] section"},
	{"metrics at a name", "[pelorus]\nmetrics-listen = localhost:9187\n",
		"f:2: metrics-listen: expected a numeric address with a port such as "
		"127.0.0.1:9187, or unix:PATH, found 'localhost:9187'"},
	{"a global key in a cluster", "[cluster a]\nidle-exit = 5s\n",
		"f:2: idle-exit: expected in the [pelorus] section"},
	{"a key with blanks", "[pelorus]\nuser name = a\n", "f:2: expected KEY = VALUE"},
	{"a value without a key", "[pelorus]\n= a\n", "f:2: expected KEY = VALUE"},
	{"an open quotation mark", "[pelorus]\nuser = 'a\n",
		"f:2: expected a closing quotation mark"},
	{"something behind a quotation", "[pelorus]\nuser = 'a' b\n",
		"f:2: expected nothing behind"},
	{"an empty user", "[pelorus]\nuser =\n", "f:2: user: expected a user name"},
	{"a user without a value", "[pelorus]\nuser\n", "f:2: user: expected a user name"},
	{"port zero", "[pelorus]\nport = 0\n",
		"f:2: port: expected a port from 1 to 65535, found '0'"},
	{"a port too large", "[pelorus]\nport = 65536\n", "found '65536'"},
	{"a port that wraps around", "[pelorus]\nport = 4294967299\n", "port: expected"},
	{"a negative port", "[pelorus]\nport = -1\n", "port: expected"},
	{"a port with letters", "[pelorus]\nport = 33o6\n", "port: expected"},
	{"a duration without a unit", "[pelorus]\nfailure-detection-time = 500\n",
		"failure-detection-time: expected a duration from 300ms to 60s, found '500'"},
	{"a duration too short", "[pelorus]\nfailure-detection-time = 299ms\n",
		"failure-detection-time: expected"},
	{"a duration too long", "[pelorus]\nfailure-detection-time = 61s\n",
		"failure-detection-time: expected"},
	{"a duration with an unknown unit", "[pelorus]\nfailure-detection-time = 1d\n",
		"failure-detection-time: expected"},
	{"a negative duration", "[pelorus]\nstall-time = -1s\n", "stall-time: expected"},
	{"a duration with two points", "[pelorus]\nstall-time = 1.1.1s\n", "stall-time: expected"},
	{"a duration without digits", "[pelorus]\nstall-time = s\n", "stall-time: expected"},
	{"a duration finer than a millisecond", "[pelorus]\nmax-lag = 1.5ms\n",
		"max-lag: expected"},
	{"a wait too long", "[pelorus]\nhold = 601s\n",
		"hold: expected a duration from 1ms to 10m, or off, found '601s'"},
	{"off where it has no meaning", "[pelorus]\nfailure-detection-time = off\n",
		"failure-detection-time: expected"},
	{"a bool that is none", "[pelorus]\nssl = maybe\n",
		"ssl: expected on or off, found 'maybe'"},
	{"an empty bool", "[pelorus]\nssl =\n", "ssl: expected on or off"},
	{"a relative path", "[pelorus]\nssl-ca = ca.pem\n", "ssl-ca: expected an absolute path"},
	{"a path from home", "[pelorus]\npassword-file = ~/p\n",
		"password-file: expected an absolute path"},
	{"a selector that is none", "[pelorus]\nreader-selector = best\n",
		"random, round-robin, lag, round-trip or load, found 'best'"},
	{"a fallback that is none", "[pelorus]\nreader-fallback = none\n",
		"reader, writer or refuse"},
	{"a warm-up from a relative path", "[pelorus]\nwarm-up = file:x\n",
		"warm-up: expected file:PATH"},
	{"a warm-up from nowhere", "[pelorus]\nwarm-up = table\n",
		"a URL, digest or off, found 'table'"},
	{"a warm-up of no statement", "[pelorus]\nwarm-up-limit = 0\n",
		"a number from 1 to 10000, found '0'"},
	{"a warm-up by too many", "[pelorus]\nwarm-up-parallel = 17\n", "a number from 1 to 16"},
	{"a failed warm-up that ends in nothing", "[pelorus]\nwarm-up-on-failure = drop\n",
		"admit or hold, found 'drop'"},
	{"a dialect that is none", "[pelorus]\ndialect = oracle\n", "one of auto, aurora,"},
	{"an endpoint with a slash", "[cluster a]\nendpoint = a/b\n",
		"endpoint: expected a host name, found 'a/b'"},
	{"an endpoint with an empty label", "[cluster a]\nendpoint = a..b\n", "endpoint: expected"},
	{"members without a host", "[cluster a]\nmembers = :3306\n",
		"members: expected HOST[:PORT]"},
	{"an ensemble without a node", "[cluster a]\nurl = zookeeper://h\n",
		"url: expected a URL that begins with https://, http:// or zookeeper://"},
	{"an ensemble for HTTP", "[cluster a]\nsource = http\nurl = zookeeper://h/a\n",
		"[cluster a]: expected source = zookeeper with a url of zookeeper://, and no other"},
	{"HTTP for ZooKeeper", "[cluster a]\nsource = zookeeper\nurl = https://h/a\n",
		"[cluster a]: expected source = zookeeper"},
	{"members with a bad port", "[cluster a]\nmembers = a:0\n", "members: expected"},
	{"empty members", "[cluster a]\nmembers = ,\n", "members: expected"},
	{"a pattern without a mark", "[pelorus]\nhost-pattern = db.example.com\n",
		"host-pattern: expected a host name with one ?"},
	{"a pattern with two marks", "[pelorus]\nhost-pattern = ?.?.example.com\n",
		"host-pattern: expected"},
	{"a global database without regions", "[cluster a]\ndialect = global\n",
		"[cluster a]: expected global-regions with dialect = global"},
	{"a region that nobody knows", "[cluster a]\nglobal-regions = ?.x.example\n",
		"global-regions: expected host names with one ? for the instance"},
	{"a home that is no region", "[cluster a]\nglobal-regions = [b-1]?.x\nhome-region = b-2\n",
		"[cluster a]: expected a home-region of global-regions, found 'b-2'"},
	{"a pattern with a slash", "[pelorus]\nhost-pattern = ?/x\n", "host-pattern: expected"},
	{"a network without bits", "[pelorus]\nvirtual-net = 198.18.0.0\n",
		"virtual-net: expected networks"},
	{"a network with host bits", "[pelorus]\nvirtual-net = 198.18.0.1/16\n",
		"virtual-net: expected"},
	{"a network too small", "[pelorus]\nvirtual-net = 198.18.0.0/31\n",
		"virtual-net: expected"},
	{"a network that is a name", "[pelorus]\nvirtual-net = test/16\n", "virtual-net: expected"},
	{"a password without a user", "[cluster a]\npassword = x\n",
		"f: [cluster a]: expected a user for its password"},
	{"a cluster without an endpoint", "[cluster my shop]\nport = 1\n",
		"f: [cluster my shop]: expected an endpoint"},
	{"two clusters with one endpoint", "[cluster a]\n[cluster b]\nendpoint = A.\n",
		"f: [cluster b]: expected an endpoint of its own, found 'a'"},
	{"verification without TLS", "[cluster a]\nssl-verify-server-cert\n",
		"f: [cluster a]: expected ssl = on"},
};

static void bad_input_is_refused_with_a_sentence(void **state)
{
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		struct config_error error = {""};
		struct config *config = NULL;
		int r = config_parse(bad[i].text, "f", &config, &error);

		if (r >= 0 || !strstr(error.text, bad[i].error))
			fail_msg("%s: %d, said '%s'", bad[i].sentence, r, error.text);
		assert_null(config);
	}
}

static const struct {
	const char *sentence;
	const char *text;
	const char *key; /* of the first cluster, or of [pelorus] if there is none */
	const char *value;
	unsigned line;
} good[] = {
	{"defaults", "", "idle-exit", "60s", 0},
	{"lines are logfmt", "", "log-format", "logfmt", 0},
	{"or another form", "[pelorus]\nlog-format = text\n", "log-format", "text", 2},
	{"metrics at an address", "[pelorus]\nmetrics-listen = [::1]:9187\n", "metrics-listen",
		"[::1]:9187", 2},
	{"a default of clusters", "[cluster a]\n", "failure-detection-time", "1500ms", 0},
	{"a name is its endpoint", "[cluster Shop.Example.COM.]\n", "endpoint", "shop.example.com",
		0},
	{"an alias with an endpoint", "[cluster my shop]\nendpoint=a.b\n", "endpoint", "a.b", 2},
	{"a value of its own", "[cluster a]\npoll = 1s\n", "poll", "1s", 2},
	{"a value handed down", "[pelorus]\npoll = 1s\n[cluster a]\n", "poll", "1s", 2},
	{"handed down from behind", "[cluster a]\n[pelorus]\npoll = 2s\n", "poll", "2s", 3},
	{"its own outranks what is handed down", "[cluster a]\npoll=1s\n[pelorus]\npoll = 2s\n",
		"poll", "1s", 2},
	{"a section in two parts", "[cluster a]\nport=1\n[pelorus]\n[cluster a]\nport=2\n", "port",
		"2", 5},
	{"underscores are hyphens", "[cluster a]\nstall_time=5s\n", "stall-time", "5s", 2},
	{"fractions of a second", "[cluster a]\nstall-time=1.5s\n", "stall-time", "1500ms", 2},
	{"minutes", "[cluster a]\nstall-time=2min\n", "stall-time", "120s", 2},
	{"the longest wait", "[cluster a]\nhold = 10m\n", "hold", "600s", 2},
	{"no wait at all", "[cluster a]\nhold = 0\n", "hold", "off", 2},
	{"a wait handed down", "[pelorus]\nhold = 5s\n[cluster a]\n", "hold", "5s", 2},
	{"the usual wait", "[cluster a]\n", "hold", "30s", 0},
	{"lag off", "[cluster a]\nmax-lag = off\n", "max-lag", "off", 2},
	{"a bool alone", "[cluster a]\nssl\n", "ssl", "on", 2},
	{"a bool as a word", "[cluster a]\nssl = TRUE\n", "ssl", "on", 2},
	{"a comment behind a value", "[cluster a]\nuser = bob # him\n", "user", "bob", 2},
	{"a comment behind a key", "[cluster a]\nssl # yes\n", "ssl", "on", 2},
	{"comments and blank lines", "# a\n; b\n\n \t\n[cluster a]\nuser=x\n", "user", "x", 6},
	{"quotes keep a comment sign", "[cluster a]\nuser = \"a#b\" # c\n", "user", "a#b", 2},
	{"quotes keep blanks", "[cluster a]\nuser = ' a '\n", "user", " a ", 2},
	{"escapes", "[cluster a]\nuser = a\\sb\\\\c\n", "user", "a b\\c", 2},
	{"other backslashes stay", "[cluster a]\nuser = DOM\\Q\n", "user", "DOM\\Q", 2},
	{"line ends of another system", "[cluster a]\r\nuser = bob\r\n", "user", "bob", 2},
	{"a last line without its end", "[cluster a]\nuser = bob", "user", "bob", 2},
	{"members", "[cluster a]\nmembers = A.x, b:3307\n", "members", "a.x, b:3307", 2},
	{"a pattern", "[cluster a]\nhost-pattern = ?.x.y\n", "host-pattern", "?.x.y", 2},
	{"regions", "[cluster a]\nglobal-regions = [b-1]?.x, [b-2]?.y\nhome-region = b-2\n",
		"home-region", "b-2", 3},
	{"a selector", "[cluster a]\nreader-selector = Load\n", "reader-selector", "load", 2},
	{"a network", "[pelorus]\nvirtual-net = 10.9.0.0/16\n", "virtual-net",
		"10.9.0.0/16, 2001:2::/48", 2},
	{"a password is masked", "[cluster a]\nuser=u\npassword=p\n", "password", "***", 3},
	{"an empty password is one", "[cluster a]\nuser=u\npassword=\n", "password", "", 3},
	{"its file outranks a password handed down",
		"[pelorus]\npassword=p\nuser=u\n[cluster a]\npassword-file=/f\n", "password", "",
		0},
};

static void good_input_is_understood(void **state)
{
	for (size_t i = 0; i < sizeof(good) / sizeof(*good); i++) {
		struct config_error error = {""};
		struct config *config = NULL;
		struct config_shown shown = {.key = ""};
		const struct config_cluster *cluster;

		if (config_parse(good[i].text, "f", &config, &error) < 0)
			fail_msg("%s: %s", good[i].sentence, error.text);
		cluster = config->n_clusters ? &config->clusters[0] : NULL;
		for (unsigned k = 0; strcmp(shown.key, good[i].key) != 0; k++)
			assert_true(config_show(config, cluster, k, &shown));
		if (strcmp(shown.value, good[i].value) != 0)
			fail_msg("%s: '%s'", good[i].sentence, shown.value);
		if (shown.line != good[i].line && *good[i].value)
			fail_msg("%s: line %u", good[i].sentence, shown.line);
		config_free(config);
	}
}

static void a_password_is_never_in_an_error(void **state)
{
	struct config_error error = {""};
	struct config *config;
	char text[2 * CONFIG_PASSWORD_MAX] = "[cluster a]\npassword = ";

	memset(text + strlen(text), 's', CONFIG_PASSWORD_MAX);
	assert_true(config_parse(text, "f", &config, &error) < 0);
	assert_non_null(strstr(error.text, "password: expected a password"));
	assert_null(strstr(error.text, "sss"));
}

static void sixty_four_clusters_and_no_more(void **state)
{
	struct config_error error = {""};
	struct config *config;
	char text[4096] = "";

	for (unsigned i = 0; i < CONFIG_CLUSTERS; i++)
		(void)sprintf(text + strlen(text), "[cluster c%u]\n", i);
	assert_int_equal(config_parse(text, "f", &config, &error), 0);
	config_free(config);
	strcat(text, "[cluster more]\n");
	assert_true(config_parse(text, "f", &config, &error) < 0);
	assert_non_null(strstr(error.text, "f:65: [cluster]: expected 64 clusters at most"));
}

static void a_name_finds_its_section(void **state)
{
	static const char text[] =
		"[cluster a]\nendpoint=w.x\nreader-endpoint=r.x\nmembers=m1,m2:1\n"
		"[cluster b]\n";
	struct config_error error;
	struct config *config;

	assert_int_equal(config_parse(text, "f", &config, &error), 0);
	assert_ptr_equal(config_find_cluster(config, "a"), &config->clusters[0]);
	assert_ptr_equal(config_find_cluster(config, "w.x"), &config->clusters[0]);
	assert_ptr_equal(config_find_cluster(config, "r.x"), &config->clusters[0]);
	assert_ptr_equal(config_find_cluster(config, "m2"), &config->clusters[0]);
	assert_ptr_equal(config_find_cluster(config, "b"), &config->clusters[1]);
	assert_null(config_find_cluster(config, "c"));
	config_free(config);
}

static struct config *parsed(const char *text)
{
	struct config_error error;
	struct config *config;

	assert_int_equal(config_parse(text, "f", &config, &error), 0);
	return config;
}

static void a_section_is_of_other_servers(void **state)
{
	static const struct {
		const char *text;
		bool other;
	} cases[] = {
		{"members = a.x, b.x\nport = 3306\n", false},
		{"# shifted\nmembers = a.x, b.x\nmax-lag = 1s\nuser = u\n", false},
		{"members = a.x\n", true},
		{"members = b.x, a.x\n", true},
		{"members = a.x, b.x:3307\n", true},
		{"members = a.x, b.x\nport = 3307\n", true},
		{"members = a.x, b.x\ndialect = aurora\n", true},
		{"members = a.x, b.x\nsource = http\n", true},
	};
	struct config *a, *b;
	char text[256];

	(void)state;
	a = parsed("[cluster c.x]\nmembers = a.x, b.x\n");
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		(void)snprintf(text, sizeof(text), "[cluster c.x]\n%s", cases[i].text);
		b = parsed(text);
		assert_int_equal(config_cluster_is_other(&a->clusters[0], &b->clusters[0]),
			cases[i].other);
		config_free(b);
	}
	config_free(a);
}

/* Writes a file with a mode into a directory of this test's own. */
static void file_put(char *path, const char *dir, const char *name, mode_t mode, const char *text)
{
	FILE *f;

	(void)sprintf(path, "%s/%s", dir, name);
	(void)unlink(path);
	f = fopen(path, "we");
	assert_non_null(f);
	fputs(text, f);
	fclose(f);
	assert_int_equal(chmod(path, mode), 0);
}

static int load(const char *path, char *ret_password, struct config_error *error)
{
	struct config *config;
	int r = config_load(path, &config, error);

	if (r < 0)
		return r;
	strcpy(ret_password, config->n_clusters ? config->clusters[0].password : "");
	config_free(config);
	return 0;
}

static void who_may_write_a_command(void **state)
{
	static const char *const texts[] = {"[pelorus]\nnotify-command=/bin/true\n",
		"[pelorus]\nnotify=https://hooks.example.com/x\n",
		"[cluster a]\nsource=http\nurl=http://127.0.0.1:1/x\n",
		"[cluster a]\nuser=u\npublish=http://127.0.0.1:1/x\n",
		"[cluster a]\nwarm-up=https://warm.example.com/x\n"};
	static const mode_t others[] = {0620, 0660, 0664, 0602, 0666};
	char dir[] = "/tmp/test_config.XXXXXX", path[256], password[256];
	struct config_error error;

	assert_non_null(mkdtemp(dir));
	for (size_t t = 0; t < sizeof(texts) / sizeof(*texts); t++) {
		for (size_t i = 0; i < sizeof(others) / sizeof(*others); i++) {
			file_put(path, dir, "conf", others[i], texts[t]);
			assert_int_equal(load(path, password, &error), -EPERM);
			assert_non_null(strstr(error.text, "others may write this file"));
		}
		file_put(path, dir, "conf", 0600, texts[t]);
		assert_int_equal(load(path, password, &error), 0);
	}
	assert_int_equal(unlink(path), 0);
	assert_int_equal(rmdir(dir), 0);
}

static void who_may_read_a_secret(void **state)
{
	static const char with[] = "[cluster a]\nuser=u\npassword=p\n", without[] = "[cluster a]\n";
	char dir[] = "/tmp/test_config.XXXXXX", path[256], secret[256], text[512], password[256];
	static const mode_t others[] = {0604, 0620, 0660, 0644, 0602};
	struct config_error error;

	assert_non_null(mkdtemp(dir));
	for (size_t i = 0; i < sizeof(others) / sizeof(*others); i++) {
		file_put(path, dir, "conf", others[i], with);
		assert_int_equal(load(path, password, &error), -EPERM);
		assert_non_null(strstr(error.text, "others may read this file"));
		file_put(path, dir, "conf", others[i], without);
		assert_int_equal(load(path, password, &error), 0);
		file_put(secret, dir, "secret", others[i], "p2\n");
		(void)sprintf(text, "[cluster a]\nuser=u\npassword-file=%s\n", secret);
		file_put(path, dir, "conf", 0644, text);
		assert_int_equal(load(path, password, &error), -EPERM);
		assert_non_null(strstr(error.text, "password-file: others may read"));
	}
	/* Root may let a group read what is root's. */
	file_put(path, dir, "conf", 0640, with);
	assert_int_equal(load(path, password, &error), geteuid() == 0 ? 0 : -EPERM);
	file_put(path, dir, "conf", 0600, with);
	assert_int_equal(load(path, password, &error), 0);
	assert_string_equal(password, "p");
	file_put(secret, dir, "secret", 0400, "p2\r\nrest\n");
	file_put(path, dir, "conf", 0644, text);
	assert_int_equal(load(path, password, &error), 0);
	assert_string_equal(password, "p2");
	file_put(path, dir, "conf", 0664, text);
	assert_int_equal(load(path, password, &error), -EPERM);
	assert_non_null(strstr(error.text, "others may write this file"));
	file_put(path, dir, "conf", 0644, text);
	file_put(secret, dir, "secret", 0400, "\n");
	assert_int_equal(load(path, password, &error), -EINVAL);
	assert_int_equal(unlink(secret), 0);
	assert_int_equal(load(path, password, &error), -ENOENT);
	assert_int_equal(unlink(path), 0);
	assert_int_equal(load(path, password, &error), -ENOENT);
	assert_int_equal(load(dir, password, &error), -EINVAL);
	assert_int_equal(rmdir(dir), 0);
}

static void a_file_with_a_zero_byte_is_not_text(void **state)
{
	char path[] = "/tmp/test_config.XXXXXX", password[256];
	struct config_error error;
	int fd = mkstemp(path);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, "[pelorus]\n\0user=x\n", 18), 18);
	close(fd);
	assert_int_equal(load(path, password, &error), -EINVAL);
	assert_non_null(strstr(error.text, "expected text"));
	unlink(path);
}

static void the_search_follows_its_order(void **state)
{
	char dir[] = "/tmp/test_config.XXXXXX", path[CONFIG_PATH_MAX], file[CONFIG_PATH_MAX];

	assert_non_null(mkdtemp(dir));
	(void)sprintf(file, "%s/.config", dir);
	mkdir(file, 0700);
	strcat(file, "/pelorus");
	mkdir(file, 0700);
	strcat(file, "/pelorus.conf");
	close(open(file, O_CREAT | O_WRONLY | O_CLOEXEC, 0600));
	setenv("HOME", dir, 1);
	unsetenv("XDG_CONFIG_HOME");
	unsetenv("PELORUS_CONFIG");
	assert_int_equal(config_find(NULL, path), 0);
	assert_string_equal(path, file);
	setenv("PELORUS_CONFIG", "/from/environment", 1);
	assert_int_equal(config_find(NULL, path), 0);
	assert_string_equal(path, "/from/environment");
	assert_int_equal(config_find("/named", path), 0);
	assert_string_equal(path, "/named");
	unsetenv("PELORUS_CONFIG");
	unlink(file);
	for (int i = 0; i < 3; i++) {
		*strrchr(file, '/') = '\0';
		rmdir(file);
	}
	if (access("/etc/pelorus/pelorus.conf", F_OK) < 0)
		assert_int_equal(config_find(NULL, path), -ENOENT);
}

static void a_section_with_other_hosts_is_of_other_servers(void **state)
{
	static const char *const lines[] = {"allowed-hosts=*.x", "global-regions=[b-1]?.y",
		"home-region=b-2"};
	struct config *was = parsed("[cluster a.b.c]\nglobal-regions=[b-1]?.x,[b-2]?.z\n");

	for (size_t i = 0; i < sizeof(lines) / sizeof(*lines); i++) {
		char text[256];
		struct config *is;

		(void)snprintf(text, sizeof(text),
			"[cluster a.b.c]\nglobal-regions=[b-1]?.x,[b-2]?.z\n%s\n", lines[i]);
		is = parsed(text);
		assert_true(config_cluster_is_other(&was->clusters[0], &is->clusters[0]));
		config_free(is);
	}
	config_free(was);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(bad_input_is_refused_with_a_sentence),
		cmocka_unit_test(good_input_is_understood),
		cmocka_unit_test(a_password_is_never_in_an_error),
		cmocka_unit_test(sixty_four_clusters_and_no_more),
		cmocka_unit_test(a_name_finds_its_section),
		cmocka_unit_test(a_section_is_of_other_servers),
		cmocka_unit_test(a_section_with_other_hosts_is_of_other_servers),
		cmocka_unit_test(who_may_write_a_command),
		cmocka_unit_test(who_may_read_a_secret),
		cmocka_unit_test(a_file_with_a_zero_byte_is_not_text),
		cmocka_unit_test(the_search_follows_its_order),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
