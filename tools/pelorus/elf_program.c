/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Programs, by their files.
 *
 * A program is static if it names no interpreter (PT_INTERP); Go leaves a note of its own in every
 * binary, however it was linked, and names getaddrinfo in a dynamic one whose package net was made
 * with cgo; privileges are gained by set-user-ID, set-group-ID and file
 * capabilities, unless the mount or the process forbids it, and by no script.  A script's line is
 * followed as the kernel does, and `env` behind it as env does, for that is how most begin.
 */
#include "elf_program.h"

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/xattr.h>
#include <unistd.h>

#define SCRIPTS_MAX 5      /* the kernel's own limit is of this order */
#define LINE_MAX_BYTES 256 /* the kernel reads no more of a #! line */
#define NOTE_GO_BUILDID 4
#define DEFAULT_PATH "/bin:/usr/bin" /* what execvp searches without PATH */

struct image {
	const uint8_t *bytes;
	size_t size;
	struct stat st;
};

struct segment {
	uint32_t type;
	uint64_t offset, size, align;
};

/* What may be executed but not read (mode 0711) is an image without bytes. */
static int image_open(const char *path, struct image *ret)
{
	struct image image = {0};
	void *map;
	int r = 0, fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);

	if (fd < 0 && errno == EACCES && stat(path, &image.st) == 0 && S_ISREG(image.st.st_mode)) {
		*ret = image;
		return 0;
	}
	if (fd < 0)
		return -errno;
	if (fstat(fd, &image.st) < 0) {
		r = -errno;
	} else if (!S_ISREG(image.st.st_mode)) {
		r = -EACCES;
	} else if (image.st.st_size > 0) {
		image.size = (size_t)image.st.st_size;
		map = mmap(NULL, image.size, PROT_READ, MAP_PRIVATE, fd, 0);
		image.bytes = map;
		if (map == MAP_FAILED)
			r = -errno;
	}
	(void)close(fd);
	if (r == 0)
		*ret = image;
	return r;
}

static void image_close(struct image *image)
{
	if (image->bytes)
		(void)munmap((void *)(uintptr_t)image->bytes, image->size);
	*image = (struct image){0};
}

static bool image_has(const struct image *image, uint64_t offset, uint64_t size)
{
	return offset <= image->size && size <= image->size - offset;
}

static bool is_elf(const struct image *image)
{
	return image_has(image, 0, sizeof(Elf32_Ehdr)) &&
		memcmp(image->bytes, ELFMAG, SELFMAG) == 0;
}

static struct elf_machine image_machine(const struct image *image)
{
	struct elf_machine m = {.class = image->bytes[EI_CLASS], .data = image->bytes[EI_DATA]};
	const uint8_t *at = image->bytes + offsetof(Elf64_Ehdr, e_machine);

	m.machine = (uint16_t)(m.data == ELFDATA2MSB ? at[0] << 8 | at[1] : at[1] << 8 | at[0]);
	return m;
}

/* Segment `i` of a file in this machine's byte order; false behind the last one. */
static bool image_segment(const struct image *image, unsigned i, struct segment *ret)
{
	if (image->bytes[EI_CLASS] == ELFCLASS64) {
		const Elf64_Ehdr *h = (const void *)image->bytes;
		Elf64_Phdr p;

		if (!image_has(image, 0, sizeof(*h)) || i >= h->e_phnum ||
			!image_has(image, h->e_phoff, (i + 1) * sizeof(p)))
			return false;
		memcpy(&p, image->bytes + h->e_phoff + i * sizeof(p), sizeof(p));
		*ret = (struct segment){p.p_type, p.p_offset, p.p_filesz, p.p_align};
	} else {
		const Elf32_Ehdr *h = (const void *)image->bytes;
		Elf32_Phdr p;

		if (i >= h->e_phnum || !image_has(image, h->e_phoff, (i + 1) * sizeof(p)))
			return false;
		memcpy(&p, image->bytes + h->e_phoff + i * sizeof(p), sizeof(p));
		*ret = (struct segment){p.p_type, p.p_offset, p.p_filesz, p.p_align};
	}
	return image_has(image, ret->offset, ret->size);
}

/* Whether a note segment holds Go's build id. */
static bool is_go_note(const struct image *image, const struct segment *s)
{
	const uint8_t *at = image->bytes + s->offset;
	uint64_t align = s->align == 8 ? 8 : 4;

	for (uint64_t n = 0; n + sizeof(Elf64_Nhdr) <= s->size;) {
		Elf64_Nhdr note;

		memcpy(&note, at + n, sizeof(note));
		n += sizeof(note);
		if (note.n_namesz == 4 && note.n_type == NOTE_GO_BUILDID && n + 4 <= s->size &&
			memcmp(at + n, "Go\0", 4) == 0)
			return true;
		n += ((uint64_t)note.n_namesz + align - 1) / align * align;
		n += ((uint64_t)note.n_descsz + align - 1) / align * align;
	}
	return false;
}

static unsigned segment_traits(const struct image *image)
{
	static const char lookup[] = "\0getaddrinfo"; /* with the NUL behind it */
	unsigned traits = ELF_STATIC;
	struct segment s;

	for (unsigned i = 0; image_segment(image, i, &s); i++) {
		if (s.type == PT_INTERP) {
			traits &= ~ELF_STATIC;
			if (memmem(image->bytes + s.offset, s.size, "/ld-musl-", 9))
				traits |= ELF_MUSL;
		} else if (s.type == PT_NOTE && is_go_note(image, &s)) {
			traits |= ELF_GO;
		}
	}
	if ((traits & (ELF_GO | ELF_STATIC)) == ELF_GO &&
		memmem(image->bytes, image->size, lookup, sizeof(lookup)))
		traits |= ELF_LOOKS_UP;
	return traits;
}

/* Whether exec would raise privileges for this very process. */
static bool is_privileged(const char *path, const struct stat *st)
{
	struct statvfs vfs;

	if (prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) == 1)
		return false;
	if (statvfs(path, &vfs) == 0 && (vfs.f_flag & ST_NOSUID))
		return false;
	if ((st->st_mode & S_ISUID) && st->st_uid != getuid())
		return true;
	if ((st->st_mode & (S_ISGID | S_IXGRP)) == (S_ISGID | S_IXGRP) && st->st_gid != getgid())
		return true;
	return getuid() != 0 && getxattr(path, "security.capability", NULL, 0) > 0;
}

static unsigned elf_traits(const struct image *image, struct elf_machine library,
	struct elf_machine *ret_machine)
{
	struct elf_machine m = image_machine(image);

	*ret_machine = m;
	if (library.machine && memcmp(&m, &library, sizeof(m)) != 0)
		return ELF_FOREIGN;
	return segment_traits(image);
}

/* The words of a #! line: the interpreter and at most one argument, as the kernel splits it. */
static bool script_line(const struct image *image, char ret_path[static LINE_MAX_BYTES],
	char ret_argument[static LINE_MAX_BYTES])
{
	char line[LINE_MAX_BYTES];
	size_t n = image->size < sizeof(line) ? image->size : sizeof(line) - 1;
	char *word, *rest;

	if (n < 3 || memcmp(image->bytes, "#!", 2) != 0)
		return false;
	memcpy(line, image->bytes + 2, n - 2);
	line[n - 2] = '\0';
	line[strcspn(line, "\n")] = '\0';
	word = line + strspn(line, " \t");
	rest = word + strcspn(word, " \t");
	if (*rest)
		*rest++ = '\0';
	rest += strspn(rest, " \t");
	rest[strcspn(rest, "\r")] = '\0';
	strcpy(ret_path, word);
	strcpy(ret_argument, rest);
	return *word != '\0';
}

/* The program that `env ARGUMENT` runs: behind its options and assignments.  NULL: none there. */
static char *env_program(char *argument)
{
	char *save = NULL;

	for (char *w = strtok_r(argument, " \t", &save); w; w = strtok_r(NULL, " \t", &save)) {
		if (*w != '-' && !strchr(w, '='))
			return w;
	}
	return NULL;
}

static bool is_env(const char *path)
{
	const char *base = strrchr(path, '/');

	return strcmp(base ? base + 1 : path, "env") == 0;
}

static bool can_execute(const char *path, int *reason)
{
	struct stat st;

	if (stat(path, &st) < 0) {
		if (errno != ENOENT && errno != ENOTDIR)
			*reason = -errno;
		return false;
	}
	if (S_ISREG(st.st_mode) && access(path, X_OK) == 0)
		return true;
	*reason = -EACCES;
	return false;
}

int elf_find(const char *command, const char *search, char ret[static PATH_MAX])
{
	const char *dir = search ? search : DEFAULT_PATH;
	char path[PATH_MAX];
	int reason = -ENOENT;

	if (*command == '\0')
		return -ENOENT;
	if (strlen(command) >= PATH_MAX)
		return -ENAMETOOLONG;
	if (strchr(command, '/')) {
		strcpy(path, command);
		if (!can_execute(path, &reason))
			return reason;
		strcpy(ret, path);
		return 0;
	}
	for (;; dir++) {
		size_t n = strcspn(dir, ":");
		int length = snprintf(path, sizeof(path), "%.*s%s%s", (int)n, dir, n ? "/" : "",
			command);

		if (length > 0 && length < PATH_MAX && can_execute(path, &reason)) {
			strcpy(ret, path);
			return 0;
		}
		dir += n;
		if (*dir == '\0')
			return reason;
	}
}

/*
 * One step behind a script: its interpreter, or what env will run.  True if `program->path` now
 * names another file; false if this one is the last.
 */
static bool follow_script(const struct image *image, const char *search,
	struct elf_program *program)
{
	char path[LINE_MAX_BYTES], argument[LINE_MAX_BYTES];
	const char *target;

	if (!script_line(image, path, argument))
		return false;
	program->traits |= ELF_SCRIPT;
	target = is_env(path) ? env_program(argument) : NULL;
	if (!target || elf_find(target, search, program->path) < 0)
		strcpy(program->path, path);
	return true;
}

int elf_inspect(const char *path, const char *search, struct elf_machine library,
	struct elf_program *ret)
{
	struct elf_program program = {0};
	int r = 0;
	bool more = true;

	if (strlen(path) >= sizeof(program.path))
		return -ENAMETOOLONG;
	strcpy(program.path, path);
	for (int depth = 0; more && r == 0; depth++) {
		struct image image = {0};

		r = depth < SCRIPTS_MAX ? image_open(program.path, &image) : -ELOOP;
		if (r < 0)
			break;
		more = !is_elf(&image) && follow_script(&image, search, &program);
		if (!more && is_privileged(program.path, &image.st))
			program.traits |= ELF_PRIVILEGED;
		if (is_elf(&image))
			program.traits |= elf_traits(&image, library, &program.machine);
		else if (!more)
			program.traits |= ELF_UNKNOWN;
		image_close(&image);
	}
	if (r == 0)
		*ret = program;
	return r;
}

int elf_interpreter(const char *path, char ret[static PATH_MAX])
{
	struct image image = {0};
	struct segment s;
	int r = image_open(path, &image);

	if (r < 0)
		return r;
	r = -ENOENT;
	for (unsigned i = 0; r < 0 && is_elf(&image) && image_segment(&image, i, &s); i++) {
		if (s.type != PT_INTERP || s.size == 0 || s.size >= PATH_MAX)
			continue;
		memcpy(ret, image.bytes + s.offset, s.size);
		ret[s.size] = '\0';
		r = 0;
	}
	image_close(&image);
	return r;
}

const char *elf_hindrance(unsigned traits)
{
	if (traits & ELF_FOREIGN)
		return "is of another architecture than the library";
	if (traits & ELF_PRIVILEGED)
		return "gains privileges when it starts, so that the loader ignores LD_PRELOAD";
	if (!(traits & ELF_GO))
		return traits & ELF_STATIC ? "is statically linked" : NULL;
	if (traits & ELF_STATIC)
		return "is a static Go program, which connects by raw system calls";
	if (traits & ELF_LOOKS_UP)
		return "is a Go program, which connects by raw system calls, also where it looks names "
		       "up by libc (GODEBUG=netdns=cgo)";
	return "is a Go program with a resolver of its own, which connects by raw system calls";
}
