/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The floor of every failover: as writer.c, but told beforehand who the next writer will be.
 *
 *   floor ADDRESS NUMBER [MILLISECONDS]
 *
 * Each line of input is the address to write at from now on; after a failure it tries again each
 * millisecond, on the connection that it has or, if that broke, on a new one.  Nothing that has to
 * find the new writer out can be faster, but for luck within that millisecond.
 */
#include <mysql.h>

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

struct floor {
	char address[64];
	MYSQL *mysql;
	int number;
	long n;
	int failed;
};

static void tell(const struct floor *f, unsigned int error)
{
	struct timespec t;
	long long ns;

	clock_gettime(CLOCK_BOOTTIME, &t);
	ns = (long long)t.tv_sec * 1000000000 + t.tv_nsec;
	if (error)
		printf("%lld error %ld %u\n", ns, f->n, error);
	else
		printf("%lld ok %ld\n", ns, f->n);
	fflush(stdout);
}

static void leave(struct floor *f)
{
	if (f->mysql)
		mysql_close(f->mysql);
	f->mysql = NULL;
}

static int arrive(struct floor *f)
{
	unsigned int limit_s = 1;

	if (f->mysql)
		return 0;
	f->mysql = mysql_init(NULL);
	mysql_options(f->mysql, MYSQL_OPT_CONNECT_TIMEOUT, &limit_s);
	if (mysql_real_connect(f->mysql, f->address, "app", "app", "app", 3306, NULL, 0))
		return 0;
	leave(f);
	return -1;
}

static void write_once(struct floor *f)
{
	char text[100];
	unsigned int error;

	f->failed = arrive(f);
	if (f->failed)
		return;
	f->n++;
	snprintf(text, sizeof(text), "INSERT INTO journal (writer, n) VALUES (%d, %ld)", f->number,
		f->n);
	f->failed = mysql_query(f->mysql, text);
	error = mysql_errno(f->mysql);
	tell(f, error);
	if (error >= 2000 || error == 1053)
		leave(f);
}

/* -1 at the end of the input. */
static int follow(struct floor *f)
{
	char line[64];
	ssize_t n = read(0, line, sizeof(line) - 1);

	if (n <= 0)
		return -1;
	line[n] = '\0';
	line[strcspn(line, "\n")] = '\0';
	leave(f);
	snprintf(f->address, sizeof(f->address), "%s", line);
	f->failed = 1;
	return 0;
}

int main(int argc, char **argv)
{
	struct pollfd in = {.fd = 0, .events = POLLIN};
	struct floor f = {.number = argc > 2 ? atoi(argv[2]) : 0};
	int pause_ms = argc > 3 ? atoi(argv[3]) : 5;

	if (argc < 3)
		return 2;
	snprintf(f.address, sizeof(f.address), "%s", argv[1]);
	for (;;) {
		write_once(&f);
		if (poll(&in, 1, f.failed ? 1 : pause_ms) > 0 && follow(&f) < 0)
			break;
	}
	leave(&f);
	return 0;
}
