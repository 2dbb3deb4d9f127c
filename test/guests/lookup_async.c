/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A guest that looks names up by getaddrinfo_a(), each in memory of its own that it frees
 * afterwards:
 *
 *   lookup_async NAME PORT TIMES
 *
 * Prints for each time "NAME ADDRESS", the name as the request has it then, and whom it is greeted
 * by.
 */
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static void greet(const struct addrinfo *to)
{
	char word[64] = "";
	int fd = socket(to->ai_family, SOCK_STREAM, 0);

	if (connect(fd, to->ai_addr, to->ai_addrlen) == 0 && read(fd, word, sizeof(word) - 1) > 0)
		printf(" %.*s\n", (int)strcspn(word, "\n"), word);
	else
		printf(" nobody\n");
	close(fd);
}

static int look_up(const char *name, const char *port)
{
	struct addrinfo hints = {.ai_family = AF_INET, .ai_socktype = SOCK_STREAM};
	char *own = strdup(name);
	struct gaicb request = {.ar_name = own, .ar_service = port, .ar_request = &hints};
	struct gaicb *list[] = {&request};

	if (getaddrinfo_a(GAI_WAIT, list, 1, NULL) != 0 || gai_error(&request) != 0)
		return 1;
	printf("%s", request.ar_name);
	greet(request.ar_result);
	fflush(stdout);
	freeaddrinfo(request.ar_result);
	free((void *)(size_t)request.ar_name);
	return 0;
}

int main(int argc, char **argv)
{
	int failed = argc < 4;

	for (int i = 0; !failed && i < atoi(argv[3]); i++)
		failed = look_up(argv[1], argv[2]);
	return failed;
}
