/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A thread that waits in a blocking connect() is cancelled.  Tells when it waits, waits for a line, and
 * tells whether it was cancelled, and that the process connects well behind it.
 *
 *   held ADDRESS PORT
 */
#include <arpa/inet.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

static struct sockaddr_in to = {.sin_family = AF_INET};

static void *dial(void *text)
{
	int fd = socket(AF_INET, SOCK_STREAM, 0);
	ssize_t n;

	if (connect(fd, (struct sockaddr *)&to, sizeof(to)) < 0)
		return "refused";
	n = read(fd, text, 99);
	((char *)text)[n > 0 ? n - 1 : 0] = '\0';
	return text;
}

int main(int argc, char **argv)
{
	pthread_t thread;
	void *result;
	char line[100];

	if (argc != 3 || inet_pton(AF_INET, argv[1], &to.sin_addr) != 1)
		return 2;
	to.sin_port = htons((unsigned short)atoi(argv[2]));
	setvbuf(stdout, NULL, _IONBF, 0);
	pthread_create(&thread, NULL, dial, line);
	puts("waits");
	if (!fgets(line, sizeof(line), stdin))
		return 2;
	pthread_cancel(thread);
	pthread_join(thread, &result);
	puts(result == PTHREAD_CANCELED ? "cancelled" : (char *)result);
	puts(dial(line));
	return 0;
}
