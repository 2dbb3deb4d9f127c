/* SPDX-License-Identifier: Apache-2.0 */
/* One request, one answer; an answer may come in several packets. */
#include "control_client.h"

#include "commands.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

static const char more[] = "\n+more";

int control_client_directory(struct pel_rundir *ret)
{
	return pel_rundir_choose(getenv("PELORUS_RUNTIME_DIR"), geteuid(), ret);
}

/* The directory is checked before its socket is trusted with anything. */
static int directory_check(const struct pel_rundir *dir)
{
	int fd = pel_rundir_open(dir, geteuid(), false);

	if (fd < 0)
		return fd;
	(void)close(fd);
	return 0;
}

/* Of a daemon that is stopped nothing comes, and there may be a queue before it. */
static int socket_make(void)
{
	const struct timeval limit = {.tv_sec = CONTROL_CLIENT_S};
	int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return -errno;
	(void)setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof(limit));
	(void)setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
	return fd;
}

static int timed_out(void)
{
	return errno == EAGAIN ? -ETIMEDOUT : -errno;
}

int control_client_open(void)
{
	struct sockaddr_un to = {.sun_family = AF_UNIX};
	struct pel_rundir dir;
	int fd, r = control_client_directory(&dir);

	if (r == 0)
		r = directory_check(&dir);
	if (r < 0)
		return r;
	(void)snprintf(to.sun_path, sizeof(to.sun_path), "%s/%s", dir.path, PEL_RUN_CONTROL);
	fd = socket_make();
	if (fd < 0)
		return fd;
	if (connect(fd, (const struct sockaddr *)&to, sizeof(to)) < 0) {
		r = timed_out();
		(void)close(fd);
		return r;
	}
	return fd;
}

/* Appends one packet; 1 if more come, 0 if it was the last, -errno. */
static int packet_take(int fd, char **text, size_t *n)
{
	char *grown = realloc(*text, *n + PEL_CONTROL_REPLY + 1);
	size_t tail = strlen(more);
	ssize_t got;

	if (!grown)
		return -ENOMEM;
	*text = grown;
	do {
		got = recv(fd, grown + *n, PEL_CONTROL_REPLY, 0);
	} while (got < 0 && errno == EINTR);
	if (got <= 0)
		return got < 0 ? timed_out() : -ECONNRESET;
	*n += (size_t)got;
	grown[*n] = '\0';
	if ((size_t)got < tail || memcmp(grown + *n - tail, more, tail) != 0)
		return 0;
	*n -= tail;
	grown[*n] = '\0';
	return 1;
}

/* Cuts the first word and its separator off; the text itself is what is freed later. */
static int answer_read(char *text, size_t n, struct control_answer *ret)
{
	bool ok = strncmp(text, "ok\n", 3) == 0;
	size_t head = ok ? 3 : 6;

	if (!ok && strncmp(text, "error ", 6) != 0)
		return -EPROTO;
	memmove(text, text + head, n - head + 1);
	if (!ok)
		text[strcspn(text, "\n")] = '\0';
	*ret = (struct control_answer){.ok = ok, .text = text};
	return 0;
}

int control_client_ask(int fd, const char *request, struct control_answer *ret)
{
	char *text = NULL;
	size_t n = 0;
	int r;

	if (send(fd, request, strlen(request), MSG_NOSIGNAL) < 0)
		return timed_out();
	do {
		r = packet_take(fd, &text, &n);
	} while (r == 1);
	if (r == 0)
		r = answer_read(text, n, ret);
	if (r < 0)
		free(text);
	return r;
}

char *control_client_text(const char *request, unsigned seconds)
{
	const struct timeval limit = {.tv_sec = seconds};
	struct control_answer answer;
	int r, fd = control_client_open();

	if (fd < 0)
		return NULL;
	(void)setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
	r = control_client_ask(fd, request, &answer);
	(void)close(fd);
	if (r == 0 && answer.ok)
		return answer.text;
	if (r == 0)
		free(answer.text);
	return NULL;
}

static int no_prober(const char *command, int r)
{
	struct pel_rundir dir = {.path = "?"};

	(void)control_client_directory(&dir);
	if (r == -ENOENT || r == -ECONNREFUSED)
		return command_fail(command, STATUS_NO_PROBER, "no prober is at work in %s",
			dir.path);
	return command_fail(command, r == -EPERM || r == -EACCES ? STATUS_NO_PROBER : STATUS_FAILED,
		"%s: %s", dir.path,
		r == -EPERM ? "its owner or mode cannot be trusted" : strerror(-r));
}

int control_client_run(const char *command, const char *request, char **ret_body)
{
	struct control_answer answer;
	int status = STATUS_OK, r, fd = control_client_open();

	if (fd < 0)
		return no_prober(command, fd);
	r = control_client_ask(fd, request, &answer);
	(void)close(fd);
	if (r < 0)
		return command_fail(command, STATUS_FAILED, "the prober gave no answer: %s",
			strerror(-r));
	if (!answer.ok) {
		char *sentence = strchr(answer.text, ' ');

		status = command_fail(command,
			strncmp(answer.text, "unfollowed ", 11) == 0 ? STATUS_UNKNOWN
								     : STATUS_FAILED,
			"%s", command_plain(sentence ? sentence + 1 : answer.text));
	}
	if (answer.ok && ret_body)
		*ret_body = answer.text;
	else
		free(answer.text);
	return status;
}

int control_client_name(const char *verb, const char *name, char **ret_body)
{
	char request[PEL_CONTROL_MAX];

	(void)snprintf(request, sizeof(request), "%s\n", verb);
	if (name && pel_control_put(request, sizeof(request), "name", name) < 0)
		return command_fail(verb, STATUS_USAGE, "the name is too long");
	return control_client_run(verb, request, ret_body);
}
