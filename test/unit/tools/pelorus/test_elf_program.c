/* SPDX-License-Identifier: Apache-2.0 */
/* Programs by their files, and LD_PRELOAD: files made byte by byte in a folder of their own. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "elf_program.h"
#include "preload.h"
#include "table.h"

static const struct elf_machine here = {ELFCLASS64, ELFDATA2LSB, EM_X86_64};
static const struct elf_machine nowhere;

static char folder[] = "/tmp/pelorus-test-elf-XXXXXX";

static const char *path_of(const char *name)
{
	static char path[PATH_MAX];

	(void)snprintf(path, sizeof(path), "%s/%s", folder, name);
	return path;
}

static void put(const char *name, const void *bytes, size_t size, mode_t mode)
{
	int fd = open(path_of(name), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, bytes, size), (ssize_t)size);
	assert_int_equal(fchmod(fd, mode), 0);
	assert_int_equal(close(fd), 0);
}

static void append(const char *name, const char *bytes, size_t size)
{
	int fd = open(path_of(name), O_WRONLY | O_APPEND | O_CLOEXEC);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, bytes, size), (ssize_t)size);
	assert_int_equal(close(fd), 0);
}

static void put_text(const char *name, const char *text)
{
	put(name, text, strlen(text), 0755);
}

/* An ELF64 file with an interpreter (or NULL) and a note (or NULL), cut off at `size` if not 0. */
static void put_elf(const char *name, uint16_t machine, const char *interpreter, const char *note,
	size_t size)
{
	struct {
		Elf64_Ehdr head;
		Elf64_Phdr segments[2];
		char interpreter[64];
		struct {
			Elf64_Nhdr head;
			char name[4], text[8];
		} first, second;
	} f = {.head = {.e_machine = machine,
		       .e_phoff = sizeof(Elf64_Ehdr),
		       .e_ehsize = 64,
		       .e_phentsize = sizeof(Elf64_Phdr),
		       .e_phnum = 2,
		       .e_type = ET_DYN}};

	memcpy(f.head.e_ident, ELFMAG "\2\1\1", 7);
	if (interpreter) {
		f.segments[0] = (Elf64_Phdr){.p_type = PT_INTERP,
			.p_filesz = 64,
			.p_offset = offsetof(__typeof__(f), interpreter)};
		strcpy(f.interpreter, interpreter);
	}
	if (note) {
		f.segments[1] = (Elf64_Phdr){.p_type = PT_NOTE,
			.p_align = 4,
			.p_offset = offsetof(__typeof__(f), first),
			.p_filesz = sizeof(f.first) + sizeof(f.second)};
		f.first.head = (Elf64_Nhdr){4, 8, 1};
		memcpy(f.first.name, "GNU", 4);
		f.second.head = (Elf64_Nhdr){4, 8, 4};
		memcpy(f.second.name, note, strlen(note) < 4 ? strlen(note) + 1 : 4);
	}
	put(name, &f, size ? size : sizeof(f), 0755);
}

#define GLIBC "/lib64/ld-linux-x86-64.so.2"
#define MUSL "/lib/ld-musl-x86_64.so.1"

static int make_files(void **state)
{
	char text[PATH_MAX + 64];

	(void)state;
	assert_non_null(mkdtemp(folder));
	put_elf("dynamic", EM_X86_64, GLIBC, "GNU", 0);
	put_elf("static", EM_X86_64, NULL, "GNU", 0);
	put_elf("musl", EM_X86_64, MUSL, NULL, 0);
	put_elf("go", EM_X86_64, NULL, "Go", 0);
	put_elf("cgo", EM_X86_64, GLIBC, "Go", 0);
	put_elf("cgo-net", EM_X86_64, GLIBC, "Go", 0);
	append("cgo-net", "\0getaddrinfo", sizeof("\0getaddrinfo"));
	put_elf("go-net", EM_X86_64, NULL, "Go", 0);
	append("go-net", "\0getaddrinfo", sizeof("\0getaddrinfo"));
	put_elf("cgo-other", EM_X86_64, GLIBC, "Go", 0);
	append("cgo-other", "\0_C2func_getaddrinfo\0getaddrinfo_a", 35);
	put_elf("gopher", EM_X86_64, GLIBC, "Gop", 0);
	put_elf("arm", EM_AARCH64, "/lib/ld-linux-aarch64.so.1", NULL, 0);
	put_elf("cut-head", EM_X86_64, GLIBC, "GNU", 60);
	put_elf("cut-segments", EM_X86_64, GLIBC, "GNU", 80);
	put_elf("cut-note", EM_X86_64, GLIBC, "Go", 250);
	put_text("empty", "");
	put_text("text", "echo hello\n");
	put_text("data", "\177ELF");
	put_text("no-interpreter", "#!\n");
	put_text("gone-interpreter", "#!/nonexistent/interpreter\n");
	put_text("env-static", "#!/usr/bin/env static\n");
	put_text("env-options", "#!/usr/bin/env -S A=1 go --flag\n");
	put_text("dos", "#!/bin/sh\r\n");
	(void)snprintf(text, sizeof(text), "#! \t%s/go -x y\necho\n", folder);
	put_text("script-go", text);
	(void)snprintf(text, sizeof(text), "#!%s/script-go\n", folder);
	put_text("script-script", text);
	(void)snprintf(text, sizeof(text), "#!%s/loop\n", folder);
	put_text("loop", text);
	put("suid", "\177ELF", 4, 04755);
	assert_int_equal(mkdir(path_of("directory"), 0755), 0);
	return 0;
}

static int remove_files(void **state)
{
	char command[PATH_MAX + 16];

	(void)state;
	(void)snprintf(command, sizeof(command), "rm -rf '%s'", folder);
	return system(command);
}

struct row {
	const char *title, *file;
	int r;
	unsigned traits;
	const char *last; /* the file that will run, if it is another */
};

static const struct row rows[] = {
	{"a dynamic program has no hindrance", "dynamic", 0, 0},
	{"a program without an interpreter is static", "static", 0, ELF_STATIC},
	{"musl's loader is known by its name", "musl", 0, ELF_MUSL},
	{"Go's note tells a Go program", "go", 0, ELF_GO | ELF_STATIC},
	{"Go's note tells a dynamic Go program too", "cgo", 0, ELF_GO},
	{"one that names libc's lookup may be told to use it", "cgo-net", 0, ELF_GO | ELF_LOOKS_UP},
	{"not so a static one", "go-net", 0, ELF_GO | ELF_STATIC},
	{"other names do not count", "cgo-other", 0, ELF_GO},
	{"a note of another owner is not Go's", "gopher", 0, 0},
	{"another machine is foreign and not looked into", "arm", 0, ELF_FOREIGN},
	{"a file cut within its header is no program", "cut-head", 0, ELF_STATIC},
	{"a file cut within its segments has none", "cut-segments", 0, ELF_STATIC},
	{"a file cut before its notes has none", "cut-note", 0, 0},
	{"an empty file is unknown", "empty", 0, ELF_UNKNOWN},
	{"text without a #! line is unknown", "text", 0, ELF_UNKNOWN},
	{"four letters do not make a program", "data", 0, ELF_UNKNOWN},
	{"a #! line that names nothing is unknown", "no-interpreter", 0, ELF_UNKNOWN},
	{"a missing interpreter is an error", "gone-interpreter", -ENOENT, 0},
	{"a script's interpreter is what runs", "script-go", 0, ELF_SCRIPT | ELF_GO | ELF_STATIC,
		"go"},
	{"a script may be another's interpreter", "script-script", 0,
		ELF_SCRIPT | ELF_GO | ELF_STATIC, "go"},
	{"env is looked through", "env-static", 0, ELF_SCRIPT | ELF_STATIC, "static"},
	{"env's options and assignments are skipped", "env-options", 0,
		ELF_SCRIPT | ELF_STATIC | ELF_GO, "go"},
	{"a script that is its own interpreter ends", "loop", -ELOOP, 0},
	{"a directory is no program", "directory", -EACCES, 0},
	{"what is not there is an error", "absent", -ENOENT, 0},
};

static void is_seen_through(void **state)
{
	const struct row *row = *state;
	struct elf_program got = {0};
	int r = elf_inspect(path_of(row->file), folder, here, &got);

	assert_int_equal(r, row->r);
	if (r < 0)
		return;
	assert_int_equal(got.traits, row->traits);
	assert_string_equal(got.path, path_of(row->last ? row->last : row->file));
}

static void another_machine_is_fine_if_none_is_given(void **state)
{
	struct elf_program got;

	(void)state;
	assert_int_equal(elf_inspect(path_of("arm"), folder, nowhere, &got), 0);
	assert_int_equal(got.traits, 0);
	assert_int_equal(got.machine.machine, EM_AARCH64);
}

/* Only a file of another owner raises privileges: root gives one away, anybody else looks at root's. */
static void set_user_id_counts_where_it_changes_the_user(void **state)
{
	struct elf_program got;

	(void)state;
	assert_int_equal(elf_inspect(path_of("suid"), folder, here, &got), 0);
	assert_int_equal(got.traits, ELF_UNKNOWN);
	if (getuid() != 0) {
		assert_int_equal(elf_inspect("/bin/su", folder, here, &got), 0);
		assert_true(got.traits & ELF_PRIVILEGED);
		return;
	}
	assert_int_equal(chown(path_of("suid"), 12345, 12345), 0);
	assert_int_equal(chmod(path_of("suid"), 04755), 0);
	assert_int_equal(elf_inspect(path_of("suid"), folder, here, &got), 0);
	assert_int_equal(got.traits, ELF_UNKNOWN | ELF_PRIVILEGED);
}

static void a_command_is_found_as_execvp_finds_it(void **state)
{
	char search[PATH_MAX], got[PATH_MAX];

	(void)state;
	put("unexecutable", "x", 1, 0644);
	(void)snprintf(search, sizeof(search), "/nonexistent:%s:/bin", folder);
	assert_int_equal(elf_find("dynamic", search, got), 0);
	assert_string_equal(got, path_of("dynamic"));
	assert_int_equal(elf_find("sh", search, got), 0);
	assert_string_equal(got, "/bin/sh");
	assert_int_equal(elf_find("sh", NULL, got), 0);
	assert_int_equal(elf_find(path_of("dynamic"), "", got), 0);
	assert_int_equal(elf_find("no-such-command", search, got), -ENOENT);
	assert_int_equal(elf_find("", search, got), -ENOENT);
	assert_int_equal(elf_find("directory", search, got), -EACCES);
	assert_int_equal(elf_find("unexecutable", search, got), -EACCES);
}

static void each_hindrance_has_a_phrase(void **state)
{
	(void)state;
	for (unsigned bit = 1; bit <= ELF_LOOKS_UP; bit <<= 1)
		assert_int_equal(elf_hindrance(bit) != NULL, (bit & ELF_HINDERS) != 0);
	assert_null(elf_hindrance(0));
	assert_non_null(strstr(elf_hindrance(ELF_GO | ELF_STATIC), "static Go"));
	assert_non_null(strstr(elf_hindrance(ELF_GO), "resolver of its own"));
	assert_non_null(strstr(elf_hindrance(ELF_GO | ELF_LOOKS_UP), "netdns=cgo"));
}

#define LIB "/opt/pelorus/lib/libpelorus.so"

static void the_library_is_preloaded_once_and_first(void **state)
{
	static const struct {
		const char *existing, *library, *preload; /* NULL: refused */
	} preloads[] = {
		{NULL, LIB, LIB},
		{"", LIB, LIB},
		{"  ", LIB, LIB},
		{"/usr/lib/libjemalloc.so.2", LIB, LIB ":/usr/lib/libjemalloc.so.2"},
		{"a.so b.so", LIB, LIB ":a.so b.so"},
		{":a.so", LIB, LIB ":a.so"},
		{LIB, LIB, LIB},
		{"a.so:" LIB, LIB, "a.so:" LIB},
		{"a.so /other/libpelorus.so", LIB, "a.so /other/libpelorus.so"},
		{"libpelorus.so", LIB, "libpelorus.so"},
		{"/x/notlibpelorus.so", LIB, LIB ":/x/notlibpelorus.so"},
		{"/x/libpelorus.so.bak", LIB, LIB ":/x/libpelorus.so.bak"},
		{NULL, "libpelorus.so", NULL},
		{NULL, "/a b/libpelorus.so", NULL},
		{NULL, "/a:b/libpelorus.so", NULL},
		{NULL, "/$LIB/libpelorus.so", NULL},
	};
	char got[256];

	(void)state;
	for (size_t i = 0; i < sizeof(preloads) / sizeof(*preloads); i++) {
		int r = preload_prepend(preloads[i].existing, preloads[i].library, got,
			sizeof(got));

		assert_int_equal(r, preloads[i].preload ? 0 : -EINVAL);
		if (r == 0)
			assert_string_equal(got, preloads[i].preload);
	}
	assert_int_equal(preload_prepend("a.so", LIB, got, 10), -ENOSPC);
}

int main(void)
{
	static const struct CMUnitTest others[] = {
		cmocka_unit_test(another_machine_is_fine_if_none_is_given),
		cmocka_unit_test(set_user_id_counts_where_it_changes_the_user),
		cmocka_unit_test(a_command_is_found_as_execvp_finds_it),
		cmocka_unit_test(each_hindrance_has_a_phrase),
		cmocka_unit_test(the_library_is_preloaded_once_and_first),
	};

	return table_run("elf", TABLE_OF(rows, is_seen_through, others), make_files, remove_files);
}
