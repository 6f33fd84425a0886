/*
 * pie.c - a program without an address of its own, which relocates itself.
 * link: -static -fpie -nostartfiles -Wl,-pie,--no-dynamic-linker rcrt1.o
 */
#include <elf.h>
#include <stdint.h>
#include <string.h>
#include <sys/auxv.h>

#include "tap.h"

static const char *const words[] = { "one", "two", "three" };
static int (*const compare)(const char *, const char *) = strcmp;

TEST(it_lies_where_it_was_put)
{
	OK((uintptr_t)words >= 0x10000000);
	EQ(getauxval(AT_BASE), 0);
	OK(getauxval(AT_ENTRY) >= 0x10000000);
	OK(getauxval(AT_PHDR) >= 0x10000000);
}

TEST(addresses_in_its_data_are_relocated)
{
	EQ(strlen(words[2]), 5);
	EQ(compare(words[0], "one"), 0);
}

TAP_MAIN
