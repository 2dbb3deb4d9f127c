#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A thread is cancelled in a call of a client library. The next one gets its stack and its number,
and nothing of what that call was to do.
"""
import ctypes
import os
import socket
import subprocess

from lib.programs import loopback
from lib.published import Map
from lib.tap import done, ok
from lib.waiting import wait_for

NAME, ADDRESS = "db.cluster-abc.test-region-1.rds.amazonaws.com", "127.0.77.1"
CLIENT = """
void *mysql_real_connect(void *h, const char *host, const char *user, const char *password,
    const char *db, unsigned port, const char *path, unsigned long flags) { return 0; }
int mysql_real_query(void *h, const char *text, unsigned long n) { return 1; }
"""
THREADS = """
#include <errno.h>
#include <pthread.h>
#include <sys/socket.h>
void *mysql_real_connect(void *, const char *, const char *, const char *, const char *, unsigned,
    const char *, unsigned long);
static pthread_t first, second;
static int fd, was_same, is_over;
static void *call(void *host)
{
    static int handle;
    return mysql_real_connect(&handle, host, "app", "app", "app", 3306, 0, 0);
}
static void *dial(void *address)
{
    int error;
    was_same = pthread_equal(first, pthread_self());
    error = connect(fd, address, 16) ? errno : 0;
    is_over = 1;
    return (void *)(long)error;
}
int begin(const char *host) { return pthread_create(&first, 0, call, (void *)host); }
int cancel(void) { void *r; return pthread_cancel(first) || pthread_join(first, &r); }
int next(int sock, void *address)
{
    fd = sock;
    return pthread_create(&second, 0, dial, address);
}
int result(void)
{
    void *error;
    return pthread_join(second, &error) ? -1 : (int)(long)error;
}
int same(void) { return was_same; }
int over(void) { return is_over; }
"""


def build(folder):
    client, threads = (os.path.join(folder, name) for name in ("libclient.so", "threads.so"))
    for text, path, more in ((CLIENT, client, ()), (THREADS, threads, (client, "-lpthread"))):
        subprocess.run(["gcc", "-shared", "-fPIC", "-Wl,-rpath," + folder, "-x", "c", "-", "-x",
                        "none", *more, "-o", path], input=text, text=True, check=True,
                       env={**os.environ, "LD_PRELOAD": ""})
    return ctypes.CDLL(threads)


def packed(host, port):
    return socket.AF_INET.to_bytes(2, "little") + port.to_bytes(2, "big") + \
        socket.inet_aton(socket.gethostbyname(host)) + bytes(8)


def check(published, threads, port):
    published.tell(f"instance 0 0 one {port} {ADDRESS}")
    published.tell(f"name 0 writer {NAME}")
    published.tell("writer 0 0")
    name, address = NAME.encode(), packed(NAME, port)
    published.tell("writer 0 none")
    ok(threads.begin(name) == 0, "a thread connects by a client library")
    wait_for(lambda: loopback.sleepers() == 1)
    ok(threads.cancel() == 0, "... and is cancelled while it waits for a writer")
    with socket.socket() as sock:
        ok(threads.next(sock.fileno(), address) == 0, "another thread connects by itself")
        wait_for(lambda: threads.over() or loopback.sleepers() > 0)
        held = not threads.over()
        published.tell("writer 0 0")
        error = threads.result()
        ok(threads.same(), "... which has the same number")
        ok(held and error == 0, "... and waits for a writer", (held, error))


def main():
    folder = loopback.enter(PELORUS_LOG="/dev/null")
    port = loopback.Servers(ADDRESS).port
    threads = build(folder)
    with Map(folder) as published:
        check(published, threads, port)
    done()


main()
