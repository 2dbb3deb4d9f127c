/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Runs a program as on a kernel before 5.9, without close_range() and futex_waitv():
 *
 *   old_kernel COMMAND...
 */
#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <unistd.h>

#define NR_CLOSE_RANGE 436 /* alike on all architectures, as the next one */
#define NR_FUTEX_WAITV 449

int main(int argc, char **argv)
{
	struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, NR_CLOSE_RANGE, 1, 0),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, NR_FUTEX_WAITV, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | ENOSYS),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	const struct sock_fprog program = {sizeof(code) / sizeof(*code), code};

	if (argc < 2 || prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 ||
		prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) != 0)
		return 2;
	(void)execvp(argv[1], argv + 1);
	perror(argv[1]);
	return 127;
}
