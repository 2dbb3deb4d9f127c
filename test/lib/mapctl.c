/* SPDX-License-Identifier: Apache-2.0 */
/*
 * mapctl DIRECTORY: publishes, by the prober's own writer, whatever topology it is told on stdin.
 *
 * For tests of the library: one line is one command, answered by "ok TIME_NS" or "error ERRNO".
 *
 *   name CLUSTER writer|reader|custom NAME [ADDRESS...]   a name, and what DNS says of it
 *   instance CLUSTER INDEX ID PORT ADDRESS...             an instance, IPv4 and/or IPv6
 *   self CLUSTER INDEX writer|reader
 *   health CLUSTER INDEX ok|stalled|unreachable
 *   lag CLUSTER INDEX MS
 *   heard CLUSTER INDEX                                   it proved that it lives, just now
 *   writer CLUSTER INDEX|none|unknown [WHY]               and publishes
 *   touch CLUSTER                                         publishes what no socket ends for
 *   wake CLUSTER                                          publishes the same, generation moved
 *   hold CLUSTER MS|unsaid                                how long connects wait for a writer
 *   park PORT4 PORT6                                      ports that never answer; 0: there is none
 *   crowd SOCKETS
 *   mode CLUSTER|all active|observe|off                   whether names lead where the map says
 *   beat on|off
 */
#include "map/write.h"

#include "common/names.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#define WORDS 16
#define BEAT_MS 200

struct mapctl {
	int dirfd;
	struct map_write *w;
	bool beats;
	bool taken[PEL_MAP_CLUSTERS];
	unsigned record[PEL_MAP_CLUSTERS];
	struct pel_hot hot;
	struct pel_cold cold;
};

static uint64_t now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_BOOTTIME, &t);
	return (uint64_t)t.tv_sec * UINT64_C(1000000000) + (uint64_t)t.tv_nsec;
}

static struct pel_addr parse_addr(const char *text)
{
	struct pel_addr a = {.family = 4};

	if (inet_pton(AF_INET, text, a.ip) == 1)
		return a;
	a.family = 6;
	if (inet_pton(AF_INET6, text, a.ip) != 1)
		a.family = 0;
	return a;
}

/* Loads the record of one of our clusters, which is taken at its first mention. */
static int load(struct mapctl *m, const char *word, unsigned *ret)
{
	unsigned c = (unsigned)atoi(word);
	int r;

	if (c >= PEL_MAP_CLUSTERS)
		return -EINVAL;
	if (!m->taken[c]) {
		r = map_write_take(m->w, now_ns());
		if (r < 0)
			return r;
		m->record[c] = (unsigned)r;
		m->taken[c] = true;
	}
	*ret = m->record[c];
	m->hot = *map_write_hot(m->w, *ret);
	m->cold = *map_write_cold(m->w, *ret);
	return 0;
}

static uint8_t parse_role(const char *word)
{
	if (strcmp(word, "writer") == 0)
		return PEL_ROLE_WRITER;
	return strcmp(word, "reader") == 0 ? PEL_ROLE_READER : PEL_ROLE_CUSTOM;
}

static int do_name(struct mapctl *m, char **words, unsigned n)
{
	struct pel_hot_name *name = &m->hot.names[m->hot.n_names];

	if (n < 4 || m->hot.n_names == PEL_MAP_NAMES)
		return -EINVAL;
	*name = (struct pel_hot_name){.hash = pel_name_hash(words[3]),
		.role = parse_role(words[2]),
		.dns_ns = now_ns()};
	for (unsigned i = 4; i < n; i++)
		name->addrs[name->n_addrs++] = parse_addr(words[i]);
	snprintf(m->cold.names[m->hot.n_names], PEL_NAME_MAX, "%s", words[3]);
	m->hot.n_names++;
	return 0;
}

static int do_instance(struct mapctl *m, char **words, unsigned n)
{
	unsigned i = n < 6 ? PEL_MAP_INSTANCES : (unsigned)atoi(words[2]);
	struct pel_hot_instance *in = &m->hot.instances[i];

	if (i >= PEL_MAP_INSTANCES)
		return -EINVAL;
	*in = (struct pel_hot_instance){.role = PEL_ROLE_READER,
		.self_role = PEL_ROLE_READER,
		.health = PEL_HEALTH_OK,
		.flags = PEL_INST_ROUTABLE,
		.port = (uint16_t)atoi(words[4])};
	for (unsigned a = 5; a < n; a++) {
		struct pel_addr addr = parse_addr(words[a]);

		in->flags |= addr.family == 4 ? PEL_INST_HAS4 : PEL_INST_HAS6;
		memcpy(addr.family == 4 ? in->ip4 : in->ip6, addr.ip, addr.family == 4 ? 4 : 16);
		in->identity ^= pel_name_hash(words[a]);
	}
	in->identity ^= pel_name_hash(words[3]);
	in->evidence_ns = now_ns();
	snprintf(m->cold.instances[i].id, PEL_ID_MAX, "%s", words[3]);
	m->hot.port = in->port;
	if (m->hot.n_instances <= i)
		m->hot.n_instances = (uint8_t)(i + 1);
	return 0;
}

static int do_writer(struct mapctl *m, char **words, unsigned n)
{
	struct pel_hot *h = &m->hot;

	h->writer = PEL_NONE;
	h->why = PEL_WHY_NONE;
	if (strcmp(words[2], "unknown") == 0) {
		h->state = PEL_STATE_UNKNOWN;
		h->why = (uint8_t)(n > 3 ? atoi(words[3]) : PEL_WHY_NO_ANSWER);
		return 0;
	}
	h->state = PEL_STATE_WRITERLESS;
	h->writerless_ns = now_ns();
	for (unsigned i = 0; i < h->n_instances; i++)
		h->instances[i].role = PEL_ROLE_READER;
	if (strcmp(words[2], "none") == 0)
		return 0;
	h->writerless_ns = 0;
	h->state = PEL_STATE_KNOWN;
	h->writer = (uint8_t)atoi(words[2]);
	h->verified_ns = now_ns();
	for (unsigned i = 0; i < h->n_instances; i++)
		h->instances[i].self_role = i == h->writer ? PEL_ROLE_WRITER : PEL_ROLE_READER;
	h->instances[h->writer].role = PEL_ROLE_WRITER;
	return 0;
}

static uint8_t parse_health(const char *word)
{
	if (strcmp(word, "ok") == 0)
		return PEL_HEALTH_OK;
	return strcmp(word, "stalled") == 0 ? PEL_HEALTH_STALLED : PEL_HEALTH_UNREACHABLE;
}

static int do_hold(struct mapctl *m, const char *word)
{
	m->hot.hold = strcmp(word, "unsaid") == 0
		? 0
		: PEL_HOLD_OF((uint64_t)atoi(word) * UINT64_C(1000000));
	return 0;
}

/* What the header says, and no cluster: in the file itself, for a writer tells it at its start. */
static int do_header(struct mapctl *m, char **words, unsigned n)
{
	int fd = openat(m->dirfd, PEL_MAP_FILE, O_RDWR | O_CLOEXEC);
	struct pel_map_header *h = fd < 0
		? MAP_FAILED
		: mmap(NULL, sizeof(*h), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);

	if (fd >= 0)
		close(fd);
	if (h == MAP_FAILED)
		return -errno;
	if (strcmp(words[0], "crowd") == 0) {
		atomic_store(&h->crowd, (uint32_t)atoi(words[1]));
	} else {
		h->park4 = (uint16_t)atoi(words[1]);
		h->park6 = (uint16_t)(n > 2 ? atoi(words[2]) : 0);
	}
	munmap(h, sizeof(*h));
	return 0;
}

static int do_mode(struct mapctl *m, unsigned record, const char *word)
{
	map_write_mode(m->w, record,
		strcmp(word, "off") == 0               ? PEL_MODE_OFF
			: strcmp(word, "observe") == 0 ? PEL_MODE_OBSERVE
						       : PEL_MODE_ACTIVE);
	return 0;
}

/* What the command changes in the record; *ret_changes is what moves with it. */
static int apply(struct mapctl *m, char **words, unsigned n, unsigned *ret_changes)
{
	struct pel_hot_instance *in =
		&m->hot.instances[n > 2 ? (unsigned)atoi(words[2]) % PEL_MAP_INSTANCES : 0];

	*ret_changes = MAP_CHANGE_EPOCH;
	if (strcmp(words[0], "touch") == 0)
		return 0;
	if (strcmp(words[0], "heard") == 0) {
		in->evidence_ns = now_ns();
		return 0;
	}
	if (strcmp(words[0], "name") == 0)
		return do_name(m, words, n);
	if (strcmp(words[0], "instance") == 0)
		return do_instance(m, words, n);
	if (strcmp(words[0], "hold") == 0)
		return n < 3 ? -EINVAL : do_hold(m, words[2]);
	*ret_changes |= MAP_CHANGE_WAKE | MAP_CHANGE_FIRST;
	if (strcmp(words[0], "wake") == 0)
		return 0;
	if (n < 3)
		return -EINVAL;
	if (strcmp(words[0], "writer") == 0)
		return do_writer(m, words, n);
	if (n < 4)
		return -EINVAL;
	if (strcmp(words[0], "self") == 0)
		in->self_role = parse_role(words[3]);
	else if (strcmp(words[0], "health") == 0)
		in->health = parse_health(words[3]);
	else if (strcmp(words[0], "lag") == 0)
		in->lag_ms = (uint32_t)atoi(words[3]);
	else
		return -EINVAL;
	return 0;
}

static int run(struct mapctl *m, char *line)
{
	char *words[WORDS], *save = NULL;
	unsigned n = 0, record, changes;
	int r;

	for (char *w = strtok_r(line, " \n", &save); w && n < WORDS;
		w = strtok_r(NULL, " \n", &save))
		words[n++] = w;
	if (n < 2)
		return -EINVAL;
	if (strcmp(words[0], "beat") == 0) {
		m->beats = strcmp(words[1], "on") == 0;
		return 0;
	}
	if (strcmp(words[0], "park") == 0 || strcmp(words[0], "crowd") == 0)
		return do_header(m, words, n);
	if (strcmp(words[0], "mode") == 0 && strcmp(words[1], "all") == 0)
		return do_mode(m, PEL_MAP_CLUSTERS, words[n - 1]);
	r = load(m, words[1], &record);
	if (r == 0 && strcmp(words[0], "mode") == 0)
		return do_mode(m, record, words[n - 1]);
	if (r < 0)
		return r;
	r = apply(m, words, n, &changes);
	if (r == 0)
		map_write_publish(m->w, record, &m->hot, &m->cold, changes);
	return r;
}

static void serve(struct mapctl *m)
{
	struct pollfd in = {.fd = STDIN_FILENO, .events = POLLIN};
	char line[1024];

	for (;;) {
		if (m->beats)
			(void)map_write_beat(m->w, now_ns());
		if (poll(&in, 1, BEAT_MS) == 0)
			continue;
		if (!fgets(line, sizeof(line), stdin))
			return;
		int r = run(m, line);

		if (r < 0)
			printf("error %d\n", -r);
		else
			printf("ok %llu\n", (unsigned long long)now_ns());
		fflush(stdout);
	}
}

int main(int argc, char **argv)
{
	const struct map_write_options options = {.mode = 0600,
		.vnet4 = PEL_VNET4,
		.vnet4_bits = PEL_VNET4_BITS,
		.vnet6_bits = PEL_VNET6_BITS,
		.vnet6 = PEL_VNET6};
	static struct mapctl m = {.beats = true};
	int r;

	m.dirfd = argc == 2 ? open(argv[1], O_RDONLY | O_DIRECTORY) : -1;
	r = m.dirfd < 0 ? -errno : map_write_open(m.dirfd, &options, now_ns(), &m.w);
	if (r < 0) {
		fprintf(stderr, "mapctl: %s\n", strerror(-r));
		return 1;
	}
	setvbuf(stdin, NULL, _IONBF, 0);
	map_write_drop_unclaimed(m.w);
	(void)map_write_beat(m.w, now_ns());
	serve(&m);
	map_write_close(m.w, false);
	return 0;
}
