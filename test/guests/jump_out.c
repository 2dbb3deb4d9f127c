/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A guest that leaves a connect() that waits by siglongjmp() from a signal handler, as programs do
 * that put a time limit on a resolver:
 *
 *   jump_out NAME PORT
 *
 * It looks the name up, prints "ready", and does so at a line of its input: "jumped".  Then for
 * each line it connects once more, and prints the line that it is greeted with, or "errno NUMBER".
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>
#include <setjmp.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static sigjmp_buf back;

static void jump(int number)
{
	siglongjmp(back, number);
}

static void dial(const struct addrinfo *to)
{
	char word[64] = "";
	int fd = socket(to->ai_family, SOCK_STREAM, 0);

	if (connect(fd, to->ai_addr, to->ai_addrlen) < 0)
		printf("errno %d\n", errno);
	else if (read(fd, word, sizeof(word) - 1) > 0)
		printf("%.*s\n", (int)strcspn(word, "\n"), word);
	fflush(stdout);
	close(fd);
}

int main(int argc, char **argv)
{
	struct addrinfo hints = {.ai_family = AF_INET, .ai_socktype = SOCK_STREAM}, *list;
	char line[16];

	if (argc < 3 || getaddrinfo(argv[1], argv[2], &hints, &list) != 0)
		return 2;
	printf("ready\n");
	fflush(stdout);
	if (!fgets(line, sizeof(line), stdin))
		return 1;
	(void)signal(SIGALRM, jump);
	if (sigsetjmp(back, 1) == 0) {
		(void)alarm(1);
		dial(list);
		return 3;
	}
	printf("jumped\n");
	fflush(stdout);
	while (fgets(line, sizeof(line), stdin))
		dial(list);
	freeaddrinfo(list);
	return 0;
}
