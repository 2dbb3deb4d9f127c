/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pelorus version: of the command, of what belongs to it, of the libraries that it runs with; and of
 * what runs now, which may be of other releases.
 */
#include "commands.h"

#include "map_view.h"
#include "preload.h"
#include "prober.h"
#include "status_json.h"

#include "common/rundir.h"

#include <pelorus/map.h>
#include <pelorus/slots.h>

#include <fcntl.h>
#include <json-c/json.h>
#include <libsmartcols.h>
#include <mysql.h>
#include <stdio.h>
#include <unistd.h>

static const char help[] =
	"usage: pelorus version [--running]\n"
	"Prints the version, where library and prober are, and the versions of the libraries in use.\n"
	"With --running: the prober's that is at work, and that of each process's library.\n";

static void slot_print(int fd, unsigned i)
{
	struct pel_slot slot;
	char command[sizeof(slot.command) + 1] = "";

	if (pread(fd, &slot, sizeof(slot),
		    (off_t)(offsetof(struct pel_slots, slots) + i * sizeof(slot))) !=
			(ssize_t)sizeof(slot) ||
		slot.pid <= 0 || slot.version == 0)
		return;
	for (size_t c = 0; c < sizeof(slot.command) && slot.command[c]; c++)
		command[c] = slot.command[c] < ' ' || slot.command[c] > '~' ? '?' : slot.command[c];
	printf("library %u.%u.%u process %d %s\n", slot.version >> 16, slot.version >> 8 & 255,
		slot.version & 255, slot.pid, command);
}

static int slots_print(const char *command, int dirfd)
{
	int fd = openat(dirfd, PEL_RUN_SLOTS, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	struct {
		uint64_t magic;
		uint32_t count, slot_size;
	} head;

	if (fd < 0 || pread(fd, &head, sizeof(head), 0) != (ssize_t)sizeof(head) ||
		head.magic != PEL_SLOTS_MAGIC || head.slot_size != sizeof(struct pel_slot)) {
		if (fd >= 0)
			(void)close(fd);
		return command_fail(command, STATUS_FAILED, "who is there cannot be read");
	}
	for (unsigned i = 0; i < head.count && i < PEL_SLOTS; i++)
		slot_print(fd, i);
	(void)close(fd);
	return STATUS_OK;
}

static int running_print(const char *command)
{
	struct json_object *object;
	struct map_view view;
	int status = status_json_ask(command, &object), r;

	if (status != STATUS_OK)
		return status;
	printf("prober %s process %lld\n", status_json_text(object, "version"),
		status_json_number(object, "pid"));
	json_object_put(object);
	r = map_view_open(&view);
	if (r < 0)
		return map_view_fail(command, r);
	status = slots_print(command, view.dirfd);
	map_view_close(&view);
	return status;
}

int cmd_version(int argc, char **argv)
{
	bool running = false;
	const struct command_option options[] = {{.name = "running", .flag = &running}, {0}};
	int status = command_parse(argc, argv, options, 0, 0, help);
	char library[PATH_MAX], prober[PATH_MAX];
	const char *smartcols;

	if (status >= 0)
		return status;
	if (running)
		return running_print(argv[0]);
	(void)scols_get_library_version(&smartcols);
	printf("pelorus %s\n", PELORUS_VERSION);
	printf("map format %u\n", PEL_MAP_VERSION);
	printf("library %s\n", preload_find_library(library) == 0 ? library : "not found");
	printf("prober %s\n", prober_find(prober) == 0 ? prober : "not found, or off");
	printf("libmariadb %s\n", mysql_get_client_info());
	printf("json-c %s\n", json_c_version());
	printf("libsmartcols %s\n", smartcols);
	return STATUS_OK;
}
