/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The library's three tables, each used by many threads at once, argv[1] rounds of each thread.
 *
 * Built with the thread sanitizer, which tells of any race; what this program checks itself is that
 * no thread ever reads a record that nobody wrote: torn, mixed of two, or another key's.
 */
#include "client/table.h"
#include "known/followed.h"
#include "base/process.h"
#include "connections/sockets.h"

#include "common/names.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define THREADS 6
#define NUMBERS 2 /* descriptors that several threads fight for */
#define NAMES 24
#define HANDLES 700 /* of each thread: the table must grow while it is searched */

static unsigned long rounds;
static atomic_ulong wrong, seen;

static void expect(bool good)
{
	atomic_fetch_add(good ? &seen : &wrong, 1);
}

/* Every field of a record follows from its cookie. */
static struct socket_record record_of(uint64_t cookie)
{
	struct socket_record record = {.cookie = cookie,
		.made_ns = ~cookie,
		.followed = (uint32_t)cookie};

	record.socket.uid = cookie * 3;
	record.socket.identity = cookie * 5;
	memset(record.socket.real.ip, (int)(cookie & 0xff), sizeof(record.socket.real.ip));
	return record;
}

static bool record_is_whole(const struct socket_record *record)
{
	struct socket_record same = record_of(record->cookie);

	return record->made_ns == same.made_ns && record->followed == same.followed &&
		record->socket.uid == same.socket.uid &&
		record->socket.identity == same.socket.identity &&
		memcmp(record->socket.real.ip, same.socket.real.ip, sizeof(same.socket.real.ip)) ==
		0;
}

static void one_socket(uint64_t turn)
{
	struct socket_record mine = record_of(turn + 1), other;
	int fd = (int)(turn % NUMBERS);

	(void)sockets_record(fd, &mine); /* another may hold this number's record for longer */
	for (int i = 0; i < 20; i++) {
		if (sockets_read(i % NUMBERS, &other))
			expect(record_is_whole(&other));
	}
	sockets_forget(fd, mine.cookie);
}

static bool dns_is_whole(const struct followed_dns *dns)
{
	for (unsigned i = 0; i < dns->n; i++) {
		if (dns->n != PEL_MAP_ADDRS || dns->addrs[i].scope != (uint32_t)dns->seen_ns ||
			dns->addrs[i].ip[15] != (uint8_t)dns->seen_ns)
			return false;
	}
	return true;
}

static void one_name(uint64_t turn)
{
	struct pel_addr addrs[PEL_MAP_ADDRS];
	struct followed_dns dns;
	struct followed *f = NULL;
	char name[32];
	int r;

	(void)snprintf(name, sizeof(name), "name-%u.example", (unsigned)(turn % NAMES));
	r = followed_add(name, pel_name_hash(name), PEL_ROLE_WRITER, &f);
	expect(r == 0 && strcmp(f->name, name) == 0 && followed_text4(f)[0] != '\0');
	if (r < 0)
		return;
	for (unsigned i = 0; i < PEL_MAP_ADDRS; i++) {
		addrs[i] = (struct pel_addr){.family = 4, .scope = (uint32_t)turn};
		addrs[i].ip[15] = (uint8_t)turn;
	}
	followed_set_dns(f, addrs, PEL_MAP_ADDRS, turn + (turn == 0));
	followed_get_dns(f, &dns);
	expect(turn == 0 || dns_is_whole(&dns));
	followed_exclude(f, turn, turn);
	expect(followed_count() <= NAMES && followed_find_name(name, pel_name_hash(name)) == f);
}

/* Keys are of one thread alone, as handles are; the table that they are in is everybody's. */
static void one_handle(char *keys, uint64_t turn)
{
	char *key = keys + turn % HANDLES * 16;

	if (table_find(key)) {
		expect(table_find(key) == key + 1);
		expect(table_take(key) == key + 1 && !table_find(key));
	} else {
		expect(table_put(key, key + 1) == 0 && table_find(key) == key + 1);
	}
}

static void *worker(void *arg)
{
	uint64_t number = (uint64_t)(uintptr_t)arg, turn;
	char *keys = calloc(HANDLES, 16);

	if (!keys)
		return NULL;
	for (uint64_t i = 0; i < rounds; i++) {
		turn = i * THREADS + number;
		one_socket(turn);
		one_name(turn);
		one_handle(keys, i);
	}
	return keys; /* a freed block's address would be given out again, to another thread */
}

int main(int argc, char **argv)
{
	pthread_t threads[THREADS];
	void *keys;

	rounds = argc > 1 ? strtoul(argv[1], NULL, 10) : 1000;
	process_init();
	(void)process_check();
	for (uintptr_t i = 0; i < THREADS; i++) {
		if (pthread_create(&threads[i], NULL, worker, (void *)i) != 0)
			return 2;
	}
	for (unsigned i = 0; i < THREADS; i++) {
		(void)pthread_join(threads[i], &keys);
		free(keys);
	}
	printf("%lu reads as written, %lu wrong; %u names\n", (unsigned long)seen,
		(unsigned long)wrong, followed_count());
	return wrong != 0 || seen < rounds || followed_count() != NAMES;
}
