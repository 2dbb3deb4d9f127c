/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a preload can and cannot do to a program, read from its file.
 *
 * Nothing is executed and nothing is believed: every offset is checked against the file's size.
 */
#ifndef PELORUS_TOOLS_ELF_PROGRAM_H
#define PELORUS_TOOLS_ELF_PROGRAM_H

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Why the preload will not work there, as bits. */
#define ELF_STATIC 0x01u     /* no dynamic linker reads LD_PRELOAD */
#define ELF_PRIVILEGED 0x02u /* gains privileges on exec: LD_PRELOAD is ignored */
#define ELF_FOREIGN 0x04u    /* not the library's architecture */
#define ELF_GO 0x08u         /* Go dials by raw system calls */
/* What else is good to know. */
#define ELF_MUSL 0x10u     /* works, by an absolute path in LD_PRELOAD */
#define ELF_SCRIPT 0x20u   /* the path is that of its interpreter */
#define ELF_UNKNOWN 0x40u  /* neither ELF nor a script: nothing can be said */
#define ELF_LOOKS_UP 0x80u /* a Go program that has libc's lookups too: netdns=cgo asks them */
#define ELF_HINDERS (ELF_STATIC | ELF_PRIVILEGED | ELF_FOREIGN | ELF_GO)

struct elf_machine {
	uint8_t class; /* ELFCLASS* */
	uint8_t data;  /* ELFDATA* */
	uint16_t machine;
};

struct elf_program {
	char path
		[PATH_MAX]; /* what will run: of a script, its interpreter; behind env, the program */
	unsigned traits;    /* ELF_* */
	struct elf_machine machine; /* zero for what is no ELF */
};

/*
 * Looks a command up as execvp() does.  0; -ENOENT, -EACCES as execvp would say it, -ENAMETOOLONG.
 */
int elf_find(const char *command, const char *search, char ret[static PATH_MAX]);

/*
 * Inspects a file, following #! lines.  `library` is what would be preloaded (zero: not compared).
 * 0 or -errno of the first file that could not be opened.
 */
int elf_inspect(const char *path, const char *search, struct elf_machine library,
	struct elf_program *ret);

/* The interpreter that an ELF file names.  0, -ENOENT if it names none, -errno. */
int elf_interpreter(const char *path, char ret[static PATH_MAX]);

/* One phrase for the first of the ELF_HINDERS in `traits`, NULL if there is none. */
const char *elf_hindrance(unsigned traits);

#endif
