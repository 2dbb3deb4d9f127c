/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pelorus metrics: what the daemon serves at `metrics-listen`, printed once, or put in place of a
 * file that a node exporter's textfile collector reads.
 */
#include "commands.h"

#include "control_client.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const char help[] =
	"usage: pelorus metrics [--textfile FILE]\n"
	"Prints counters and gauges in Prometheus's text format; pelorus_up is 0 without a prober.\n"
	"With --textfile, FILE is replaced by them as a whole.\n";

static const char down[] = "# HELP pelorus_up 1 if a prober is at work.\n"
			   "# TYPE pelorus_up gauge\n"
			   "pelorus_up 0\n";

/* Part after part, all of which are of the same daemon. */
static int all_read(const char *command, FILE *out)
{
	unsigned part = 0;
	int status;

	do {
		char request[32], *body, *text;

		(void)snprintf(request, sizeof(request), "metrics\npart=%u\n", part);
		status = control_client_run(command, request, &body);
		if (status != STATUS_OK)
			return status;
		text = strchr(body, '\n');
		part = text && sscanf(body, "next=%u", &part) == 1 ? part : 0;
		(void)fputs(text ? text + 1 : "", out);
		free(body);
	} while (part);
	return STATUS_OK;
}

/* Under another name beside it, then in its place: nobody ever reads a half. */
static int file_replace(const char *path, const char *text)
{
	size_t size = strlen(text);
	char *name;
	int fd, r = 0;

	if (asprintf(&name, "%s.%d.new", path, (int)getpid()) < 0)
		return -ENOMEM;
	(void)unlink(name);
	fd = open(name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0644);
	if (fd < 0) {
		r = -errno;
		free(name);
		return r;
	}
	if (fchmod(fd, 0644) < 0)
		r = -errno;
	while (r == 0 && size > 0) {
		ssize_t n = write(fd, text, size);

		if (n < 0 && errno != EINTR)
			r = -errno;
		text += n > 0 ? n : 0;
		size -= n > 0 ? (size_t)n : 0;
	}
	if (close(fd) < 0 && r == 0)
		r = -errno;
	if (r == 0 && rename(name, path) < 0)
		r = -errno;
	if (r < 0)
		(void)unlink(name);
	free(name);
	return r;
}

int cmd_metrics(int argc, char **argv)
{
	const char *path = NULL;
	const struct command_option options[] = {{.name = "textfile", .word = &path}, {0}};
	int status = command_parse(argc, argv, options, 0, 0, help), r = 0;
	const char *said;
	char *text = NULL;
	size_t size;
	FILE *out;

	if (status >= 0)
		return status;
	out = open_memstream(&text, &size);
	if (!out)
		return command_fail(argv[0], STATUS_FAILED, "%s", strerror(ENOMEM));
	status = all_read(argv[0], out);
	if (fclose(out) != 0)
		return command_fail(argv[0], STATUS_FAILED, "%s", strerror(ENOMEM));
	said = status == STATUS_OK ? text : down;
	if (path)
		r = file_replace(path, said);
	else
		(void)fputs(said, stdout);
	free(text);
	return r < 0 ? command_fail(argv[0], STATUS_FAILED, "%s: %s", path, strerror(-r)) : status;
}
