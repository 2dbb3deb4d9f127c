/* SPDX-License-Identifier: Apache-2.0 */
/* The main program's notes, found by what the kernel tells of its program headers. */
#include "elf_note.h"

#include <elf.h>
#include <link.h>
#include <stdint.h>
#include <string.h>
#include <sys/auxv.h>

#define GO_BUILD_ID 4

static size_t padded(size_t n)
{
	return (n + 3) & ~(size_t)3;
}

bool elf_note_has_go(const void *notes, size_t size)
{
	const char *at = notes;

	while (size >= sizeof(ElfW(Nhdr))) {
		ElfW(Nhdr) note;
		size_t whole;

		memcpy(&note, at, sizeof(note));
		if (note.n_namesz > size || note.n_descsz > size)
			return false;
		whole = sizeof(note) + padded(note.n_namesz) + padded(note.n_descsz);
		if (whole > size)
			return false;
		if (note.n_type == GO_BUILD_ID && note.n_namesz == 4 &&
			memcmp(at + sizeof(note), "Go\0", 4) == 0)
			return true;
		at += whole;
		size -= whole;
	}
	return false;
}

bool elf_note_is_go(void)
{
	const ElfW(Phdr) *headers = (const ElfW(Phdr) *)getauxval(AT_PHDR);
	size_t n = getauxval(AT_PHNUM);
	uintptr_t base = 0;

	if (!headers || getauxval(AT_PHENT) != sizeof(*headers))
		return false;
	for (size_t i = 0; i < n; i++) {
		if (headers[i].p_type == PT_PHDR)
			base = (uintptr_t)headers - headers[i].p_vaddr;
	}
	for (size_t i = 0; i < n; i++) {
		if (headers[i].p_type == PT_NOTE &&
			elf_note_has_go((const void *)(base + headers[i].p_vaddr),
				headers[i].p_memsz))
			return true;
	}
	return false;
}
