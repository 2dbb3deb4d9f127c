/* SPDX-License-Identifier: Apache-2.0 */
/*
 * storm NAME PORT COUNT AT-ONCE: keeps one connection and forks children that connect too, at most
 * so many at a time.  Prints how they ended, and what is left in the parent:
 *
 *   well N refused N leaked N crashed N threads N descriptors N severed 0|1
 */
#include <dirent.h>
#include <netdb.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

static int count_entries(const char *path)
{
	DIR *dir = opendir(path);
	int n = 0;

	while (dir && readdir(dir))
		n++;
	if (dir)
		closedir(dir);
	return n;
}

/* A connection that has been greeted, or -1. */
static int dial(const struct addrinfo *to)
{
	int fd = socket(to->ai_family, to->ai_socktype, 0);
	char greeting[64];

	if (fd >= 0 && connect(fd, to->ai_addr, to->ai_addrlen) == 0 &&
		read(fd, greeting, sizeof(greeting)) > 0)
		return fd;
	if (fd >= 0)
		close(fd);
	return -1;
}

/* What a flip ends on its way is connected again, as any program would. */
static int child(const struct addrinfo *to)
{
	int before = count_entries("/proc/self/fd"), fd = -1;

	for (int i = 0; i < 3 && fd < 0; i++)
		fd = dial(to);
	if (fd < 0)
		return 2;
	close(fd);
	/* What the watcher holds for a moment, while it severs, is no leak: that stays. */
	for (int i = 0; i < 100; i++) {
		/* "." and ".." beside our own thread and the watcher's. */
		if (count_entries("/proc/self/fd") == before &&
			count_entries("/proc/self/task") <= 4)
			return 0;
		poll(NULL, 0, 10);
	}
	return 3;
}

int main(int argc, char **argv)
{
	const struct addrinfo hints = {.ai_family = AF_INET, .ai_socktype = SOCK_STREAM};
	int ends[4] = {0}, crashed = 0, running = 0, status, kept;
	struct addrinfo *to;
	struct pollfd end;

	if (argc != 5 || getaddrinfo(argv[1], argv[2], &hints, &to) != 0)
		return 1;
	kept = dial(to);
	for (int forked = 0, count = atoi(argv[3]); forked < count || running > 0;) {
		if (forked < count && running < atoi(argv[4])) {
			pid_t pid = fork();

			if (pid == 0)
				_exit(child(to));
			forked += pid > 0;
			running += pid > 0;
			continue;
		}
		if (wait(&status) < 0)
			return 1;
		running--;
		if (WIFSIGNALED(status) || WEXITSTATUS(status) > 3)
			crashed++;
		else
			ends[WEXITSTATUS(status)]++;
	}
	end = (struct pollfd){.fd = kept, .events = POLLIN};
	poll(&end, 1, 5000);
	printf("well %d refused %d leaked %d crashed %d threads %d descriptors %d severed %d\n",
		ends[0], ends[2], ends[3], crashed, count_entries("/proc/self/task") - 2,
		count_entries("/proc/self/fd") - 3, end.revents != 0);
	return 0;
}
