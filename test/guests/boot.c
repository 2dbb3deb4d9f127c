/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The first process of a machine that test/lib/machine.py makes: loads the modules that its initramfs
 * lists, goes into the file tree that it is lent, whose changes stay in memory, runs its arguments
 * there, says how they ended, and switches the machine off.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/reboot.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

static void leave(const char *what, int status)
{
	printf("\nmachine: %s %d\n", what, status);
	(void)fflush(stdout);
	(void)reboot(RB_POWER_OFF);
}

static void must(int r, const char *what)
{
	if (r < 0)
		leave(what, errno);
}

static void load_modules(void)
{
	FILE *list = fopen("/modules", "r");
	char name[128];

	while (list && fscanf(list, "%127s", name) == 1) {
		int fd = open(name, O_RDONLY | O_CLOEXEC);

		must((int)syscall(SYS_finit_module, fd, "", 0), name);
		(void)close(fd);
	}
}

static void mount_at(const char *kind, const char *place, const char *options)
{
	(void)mkdir(place, 0755);
	must(mount(kind, place, kind, 0, options), place);
}

static void enter_tree(void)
{
	must(mount("tree", "/lower", "virtiofs", MS_RDONLY, ""), "the tree");
	mount_at("tmpfs", "/over", "mode=755");
	(void)mkdir("/over/upper", 0755);
	(void)mkdir("/over/work", 0755);
	mount_at("overlay", "/new", "lowerdir=/lower,upperdir=/over/upper,workdir=/over/work");
	must(chdir("/new"), "/new");
	must(mount(".", "/", NULL, MS_MOVE, NULL), "/");
	must(chroot("."), "chroot");
	mount_at("proc", "/proc", "");
	mount_at("sysfs", "/sys", "");
	mount_at("cgroup2", "/sys/fs/cgroup", "");
	mount_at("devtmpfs", "/dev", "");
	mount_at("devpts", "/dev/pts", "ptmxmode=666");
	mount_at("tmpfs", "/dev/shm", "mode=1777");
	mount_at("tmpfs", "/run", "mode=755");
}

int main(int argc, char **argv)
{
	static char *environment[] = {"HOME=/root", "LANG=C.UTF-8", "TERM=dumb",
		"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", NULL};
	int status = 0;
	pid_t child, pid;

	load_modules();
	enter_tree();
	child = fork();
	if (child == 0) {
		(void)setsid();
		(void)execve(argv[1], argv + 1, environment);
		_exit(127);
	}
	do
		pid = wait(&status);
	while (pid != child && pid > 0);
	leave("ended", WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status));
	return 0;
}
