/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PELORUS_LIB_BASE_ELF_NOTE_H
#define PELORUS_LIB_BASE_ELF_NOTE_H

#include <stdbool.h>
#include <stddef.h>

/* True if the main program was built by Go: it has a note of that owner (.note.go.buildid). */
bool elf_note_is_go(void);

/* Pure: the same of one segment of notes. */
bool elf_note_has_go(const void *notes, size_t size);

#endif
