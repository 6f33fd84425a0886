/*
 * bpf_elf.h - a BPF program out of what a compiler made.
 *
 * Reads the relocatable ELF files of `bpf-gcc -c' and `clang -target bpf -c':
 * one function, and after it those that it calls, each once, with the calls
 * between them made right.  There is no data: whatever a program is to read
 * lies in its windows, so globals, constants in .rodata and maps are refused.
 *
 * No state, no allocation, no writes but to `out'.  The image is untrusted
 * and may start at any address.  What comes out is not judged: that is
 * bpf_validate()'s task.
 */
#ifndef CASTOR_BPF_ELF_H
#define CASTOR_BPF_ELF_H

#include <stdint.h>

struct bpf_insn;

#define BPF_ELF_FUNCTIONS	64u	/* in one program */

/* What is wrong with a file. */
#define BPF_ELF_ERRORS(X)						      \
	X(BPF_ELF_OK, "no error")					      \
	X(BPF_ELF_E_FORMAT, "not a relocatable ELF64 file for BPF")	      \
	X(BPF_ELF_E_TABLE, "a table of the file is not inside the file")      \
	X(BPF_ELF_E_NONE, "there is no such function")			      \
	X(BPF_ELF_E_MANY, "several global functions, and none was named")     \
	X(BPF_ELF_E_FUNCTION, "a function is not whole instructions of its "  \
	    "section")							      \
	X(BPF_ELF_E_CALL, "a call that leads to no function of this file")    \
	X(BPF_ELF_E_DATA, "a reference to data or a map: there is none but "  \
	    "the windows")						      \
	X(BPF_ELF_E_LONG, "too many instructions or functions")

#define BPF_ELF_ERROR_NAME(name, text)	name,
enum bpf_elf_error { BPF_ELF_ERRORS(BPF_ELF_ERROR_NAME) BPF_ELF_ERRORS_COUNT };
#undef BPF_ELF_ERROR_NAME

/*
 * How many instructions were put out, at most `max', of the function `name',
 * or of the only global one if name is NULL; or -BPF_ELF_E_*.
 */
long	bpf_elf_load(const void *image, uint64_t size, const char *name,
	    struct bpf_insn *out, uint32_t max);

/* Never NULL. */
const char *bpf_elf_text(enum bpf_elf_error e);

#endif
