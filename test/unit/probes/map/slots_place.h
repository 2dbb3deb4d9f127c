/* SPDX-License-Identifier: Apache-2.0 */
/* A directory with a slot file in it, mapped as a client maps it, and slots that are taken there. */
#ifndef SLOTS_PLACE_H
#define SLOTS_PLACE_H

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "map/slots.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define SECOND UINT64_C(1000000000)

struct fixture {
	char dir[64];
	int dirfd;
	struct slots_file *slots;
	struct pel_slots *map;
};

static inline int setup(void **state)
{
	static struct fixture f;
	int fd;

	f.slots = NULL;
	strcpy(f.dir, "/tmp/test_slots.XXXXXX");
	assert_non_null(mkdtemp(f.dir));
	f.dirfd = open(f.dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	assert_int_equal(slots_open(f.dirfd, 0600, &f.slots), 0);
	fd = openat(f.dirfd, "clients.slots", O_RDWR | O_CLOEXEC);
	f.map = mmap(NULL, sizeof(*f.map), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	assert_ptr_not_equal(f.map, MAP_FAILED);
	close(fd);
	*state = &f;
	return 0;
}

/* As a new daemon does it, or one that finds its file gone and has a new one made. */
static inline void slots_anew(struct fixture *f, bool daemon)
{
	int fd;

	if (daemon) {
		slots_close(f->slots);
		f->slots = NULL;
	}
	assert_int_equal(slots_open(f->dirfd, 0600, &f->slots), 0);
	munmap(f->map, sizeof(*f->map));
	fd = openat(f->dirfd, "clients.slots", O_RDWR | O_CLOEXEC);
	f->map = mmap(NULL, sizeof(*f->map), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	assert_ptr_not_equal(f->map, MAP_FAILED);
	close(fd);
}

static inline int teardown(void **state)
{
	struct fixture *f = *state;
	char command[96];

	slots_close(f->slots);
	munmap(f->map, sizeof(*f->map));
	close(f->dirfd);
	(void)sprintf(command, "rm -rf %s", f->dir);
	return system(command);
}

static inline uint64_t own_pidns(void)
{
	struct stat st;

	assert_int_equal(stat("/proc/self/ns/pid", &st), 0);
	return st.st_ino;
}

static inline void slot_take(struct fixture *f, unsigned i, pid_t pid, uint64_t pidns)
{
	struct pel_slot *slot = &f->map->slots[i];

	slot->pid = pid;
	slot->pidns = pidns;
	slot->severed = 3;
	slot->tracked = 2;
	slot->names[1] = 77;
	slot->version = 0x010203;
}

#define IN_DIR(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

#endif
