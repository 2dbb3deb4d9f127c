/* SPDX-License-Identifier: Apache-2.0 */
/* A process's slot in the file that strangers write to, too. */
#include "prober/slot.h"
#include "base/env.h"
#include "base/process.h"
#include "common/rundir.h"

#include <pelorus/slots.h>

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>
#include <fcntl.h>

#define S UINT64_C(1000000000)
#define HASH 4711

static struct pel_slots file;
static char path[PEL_RUNDIR_MAX];
static uint64_t now = 100 * S;

static void write_file(void)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);

	file.magic = PEL_SLOTS_MAGIC;
	file.count = PEL_SLOTS;
	file.slot_size = sizeof(struct pel_slot);
	assert_int_equal(write(fd, &file, sizeof(file)), sizeof(file));
	close(fd);
}

static void read_file(void)
{
	int fd = open(path, O_RDONLY);

	assert_int_equal(read(fd, &file, sizeof(file)), sizeof(file));
	close(fd);
}

/* The one slot that is ours; NULL if there is none, or several. */
static struct pel_slot *own(void)
{
	struct pel_slot *found = NULL;

	read_file();
	for (unsigned i = 0; i < PEL_SLOTS; i++) {
		if (file.slots[i].pid != getpid())
			continue;
		if (found)
			return NULL;
		found = &file.slots[i];
	}
	return found;
}

static const char *version_text(uint32_t v)
{
	static char text[32];

	snprintf(text, sizeof(text), "%u.%u.%u", v >> 16, v >> 8 & 255, v & 255);
	return text;
}

/* What the watcher does a while later. */
static void look_later(void)
{
	now += 30 * S;
	slot_look(now, 3);
}

static void test_a_name_takes_a_slot(void **state)
{
	slot_follow(HASH, now);
	assert_non_null(own());
	assert_int_equal(own()->names[0], HASH);
	assert_int_equal(own()->seen_ns, now);
	assert_string_equal(version_text(own()->version), PELORUS_VERSION);
	assert_true(own()->start_ticks != 0);
}

/* It has the pid and the start time of the program before, and knows nothing of that one's slot. */
static void test_an_executed_program_takes_the_same_slot(void **state)
{
	const struct pel_slot *before = own();

	atomic_store(&process_get()->slot, 0);
	look_later();
	assert_ptr_equal(own(), before);
}

static void test_counts_are_written_once_a_second(void **state)
{
	slot_count(SLOT_ROUTED);
	slot_count(SLOT_ROUTED);
	assert_int_equal(slot_tell(now + S / 4), S * 3 / 4);
	assert_int_equal(own()->routed, 0);
	now += S;
	assert_true(slot_tell(now) == SLOT_NEVER);
	assert_int_equal(own()->routed, 2);
	assert_true(slot_tell(now) == SLOT_NEVER);
}

static void test_waits_are_counted(void **state)
{
	slot_count(SLOT_WAITED);
	slot_count(SLOT_WAITED);
	slot_count(SLOT_GIVEN_UP);
	slot_hold(2);
	slot_waited(1500 * (S / 1000));
	slot_waited(700 * (S / 1000));
	now += 2 * S;
	(void)slot_tell(now);
	now += 2 * S;
	(void)slot_tell(now);
	assert_int_equal(own()->waited, 2);
	assert_int_equal(own()->given_up, 1);
	assert_int_equal(own()->held, 2);
	assert_int_equal(own()->longest_ms, 1500);
	slot_hold(0);
	now += 2 * S;
	(void)slot_tell(now);
	now += 2 * S;
	(void)slot_tell(now);
	assert_int_equal(own()->held, 0);
}

static void test_a_slot_that_another_took_is_left_to_it(void **state)
{
	unsigned at = (unsigned)(own() - file.slots);

	file.slots[at].pid = getpid() + 1;
	write_file();
	look_later();
	assert_non_null(own());
	assert_true(own() != &file.slots[at]);
	assert_int_equal(file.slots[at].pid, getpid() + 1);
	assert_int_equal(own()->tracked, 3);
}

static void test_a_file_cut_short_is_no_harm(void **state)
{
	assert_int_equal(truncate(path, 0), 0);
	look_later();
	slot_count_severed(PEL_SEVERED_GONE);
	memset(&file, 0, sizeof(file));
	file.more_size = sizeof(struct pel_slot_more);
	write_file();
	look_later();
	assert_non_null(own());
	assert_int_equal(own()->severed, 1);
	assert_int_equal(file.more[own() - file.slots].severed_by[PEL_SEVERED_GONE], 1);
}

static void test_a_full_file_is_no_harm(void **state)
{
	for (unsigned i = 0; i < PEL_SLOTS; i++)
		file.slots[i].pid = 1;
	write_file();
	look_later();
	assert_null(own());
	file.slots[7].pid = 0;
	write_file();
	look_later();
	assert_ptr_equal(own(), &file.slots[7]);
}

#define THREADS 8
#define STARTS 40
static pthread_barrier_t together;

static void *follow_together(void *unused)
{
	(void)pthread_barrier_wait(&together);
	slot_follow(HASH, now);
	return NULL;
}

/* Field 22, behind a command without a space. */
static uint64_t own_start(void)
{
	FILE *stat = fopen("/proc/self/stat", "r");
	unsigned long long start = 0;

	assert_non_null(stat);
	for (int i = 1; i < 22; i++)
		assert_int_equal(fscanf(stat, "%*s"), 0);
	assert_int_equal(fscanf(stat, "%llu", &start), 1);
	fclose(stat);
	return start;
}

/* In a child, whose page is empty: all are told who it is, and none by halves. */
static void start_together(void)
{
	pthread_t threads[THREADS];

	if (process_check() != PROCESS_OURS)
		_exit(2);
	for (int i = 0; i < THREADS; i++)
		(void)pthread_create(&threads[i], NULL, follow_together, NULL);
	for (int i = 0; i < THREADS; i++)
		pthread_join(threads[i], NULL);
	now += 2 * S;
	slot_look(now, 0);
	_exit(own() && own()->start_ticks == own_start() ? 0 : 1);
}

static void test_threads_that_begin_together_have_one_slot(void **state)
{
	int status;

	memset(&file, 0, sizeof(file));
	write_file();
	(void)pthread_barrier_init(&together, NULL, THREADS);
	for (int i = 0; i < STARTS; i++) {
		pid_t child = fork();

		if (child == 0)
			start_together();
		assert_int_equal(waitpid(child, &status, 0), child);
		assert_int_equal(status, 0);
	}
}

static int prepare(void **state)
{
	static char folder[] = "/tmp/pelorus-slot-XXXXXX";

	if (!mkdtemp(folder) || setenv("PELORUS_RUNTIME_DIR", folder, 1) < 0)
		return -1;
	(void)strcat(strcpy(path, folder), "/" PEL_RUN_SLOTS);
	env_init();
	process_init();
	write_file();
	return process_check() == PROCESS_OURS ? 0 : -1;
}

static int clean_up(void **state)
{
	(void)unlink(path);
	*strrchr(path, '/') = '\0';
	return rmdir(path);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_name_takes_a_slot),
		cmocka_unit_test(test_an_executed_program_takes_the_same_slot),
		cmocka_unit_test(test_counts_are_written_once_a_second),
		cmocka_unit_test(test_waits_are_counted),
		cmocka_unit_test(test_a_slot_that_another_took_is_left_to_it),
		cmocka_unit_test(test_a_file_cut_short_is_no_harm),
		cmocka_unit_test(test_a_full_file_is_no_harm),
		cmocka_unit_test(test_threads_that_begin_together_have_one_slot),
	};

	return cmocka_run_group_tests_name("slot", tests, prepare, clean_up);
}
