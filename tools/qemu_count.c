/*
 * qemu_count.c - a QEMU plugin that counts executed instructions by address.
 *
 *	-plugin build/qemu_count.so,out=FILE[,from=ADDR:BYTES,to=ADDR:BYTES]
 *
 * With markers, only what runs from the instruction at `from` (inclusive) to
 * the next one at `to` (exclusive) is counted, each such interval apart, and
 * not the one that the end of the run cuts off; the two may be the same.
 * BYTES, in hexadecimal, are what must stand there, as far as the instruction
 * goes, since programs share addresses.
 *
 * FILE is mapped and counted in, so that it is whole however QEMU ends: a
 * struct header, then one struct insn for each instruction that was
 * translated.  FILE.laps gets the length of each interval, in text.
 *
 * An instruction that faults on memory counts when it is tried and when it is
 * done; a rep counts once per iteration, as with -icount.  Equal page numbers
 * mean the same frame under the same virtual page, so that a reader can tell
 * apart the programs that share addresses.
 *
 * Debian's QEMU 7.2 has the plugin interface (version 1) but does not ship its
 * header; the part in use is declared below.
 */
#include <fcntl.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

struct qemu_plugin_tb;
struct qemu_plugin_insn;

void qemu_plugin_register_vcpu_tb_trans_cb(uint64_t id,
    void (*cb)(uint64_t id, struct qemu_plugin_tb *tb));
void qemu_plugin_register_vcpu_insn_exec_cb(struct qemu_plugin_insn *insn,
    void (*cb)(unsigned cpu, void *arg), int flags, void *arg);
void qemu_plugin_register_vcpu_insn_exec_inline(struct qemu_plugin_insn *insn,
    int op, void *counter, uint64_t add);
size_t qemu_plugin_tb_n_insns(const struct qemu_plugin_tb *tb);
struct qemu_plugin_insn *qemu_plugin_tb_get_insn(
    const struct qemu_plugin_tb *tb, size_t i);
const void *qemu_plugin_insn_data(const struct qemu_plugin_insn *insn);
size_t qemu_plugin_insn_size(const struct qemu_plugin_insn *insn);
uint64_t qemu_plugin_insn_vaddr(const struct qemu_plugin_insn *insn);
void *qemu_plugin_insn_haddr(const struct qemu_plugin_insn *insn);

#define EXPORT __attribute__((visibility("default")))

enum {
	CB_NO_REGS = 0,
	INLINE_ADD_U64 = 0,
	INSN_MAX = 15,
	BUCKETS = 1 << 16,
	INSNS_MAX = 1 << 20,
};

/* tools/qemu_count.py knows these two layouts. */
struct header {
	uint64_t used;		/* records, the first of them is not used */
	uint64_t lap;		/* number of the last interval */
	uint64_t active;	/* it is open */
	uint64_t lost;		/* instructions without room for a record */
};

struct insn {
	uint64_t va;
	uint64_t page;		/* where the host keeps the guest's frame */
	uint64_t count;
	uint64_t open;		/* in the interval numbered... */
	uint32_t lap;		/* ...lap; not yet in count */
	uint32_t next;		/* in the bucket; 0: none */
	uint8_t bytes[INSN_MAX];
	uint8_t size;
};
_Static_assert(sizeof(struct insn) == 56, "as read");

struct marker {
	bool set;
	uint64_t va;
	uint8_t bytes[INSN_MAX];
	size_t size;
};

EXPORT int qemu_plugin_version = 1;

static struct header *header;
static struct insn *insn;		/* INSNS_MAX, in the file */
static uint32_t bucket[BUCKETS];
static struct marker from, to;
static uint64_t length;			/* of the open interval, so far */
static FILE *laps;

/* The record of an instruction at an address in a frame; NULL if full. */
static struct insn *
insn_record(const struct qemu_plugin_insn *q)
{
	struct insn key = {
		.va = qemu_plugin_insn_vaddr(q),
		.page = (uintptr_t)qemu_plugin_insn_haddr(q) >> 12,
		.size = (uint8_t)qemu_plugin_insn_size(q),
	};
	uint32_t *at = &bucket[(key.va ^ key.page) % BUCKETS];

	if (key.size > INSN_MAX)
		key.size = INSN_MAX;
	memcpy(key.bytes, qemu_plugin_insn_data(q), key.size);
	for (uint32_t i = *at; i != 0; i = insn[i].next) {
		if (insn[i].va == key.va && insn[i].page == key.page &&
		    insn[i].size == key.size &&
		    memcmp(insn[i].bytes, key.bytes, key.size) == 0)
			return &insn[i];
	}
	if (header->used == INSNS_MAX) {
		header->lost++;
		return NULL;
	}
	key.next = *at;
	*at = (uint32_t)header->used++;
	insn[*at] = key;
	return &insn[*at];
}

static void
interval_begin(unsigned cpu, void *arg)
{
	(void)cpu;
	(void)arg;
	if (header->active)
		return;
	header->active = 1;
	header->lap++;
	length = 0;
}

static void
interval_end(unsigned cpu, void *arg)
{
	(void)cpu;
	(void)arg;
	if (!header->active)
		return;
	header->active = 0;
	fprintf(laps, "%" PRIu64 "\n", length);
}

static void
insn_count(unsigned cpu, void *arg)
{
	struct insn *i = arg;

	(void)cpu;
	if (!header->active)
		return;
	if (i->lap != (uint32_t)header->lap) {
		i->count += i->open;
		i->open = 0;
		i->lap = (uint32_t)header->lap;
	}
	i->open++;
	length++;
}

static bool
marker_is(const struct marker *m, const struct insn *i)
{
	size_t n = m->size < i->size ? m->size : i->size;

	return m->set && m->va == i->va && memcmp(m->bytes, i->bytes, n) == 0;
}

static void
block_translated(uint64_t id, struct qemu_plugin_tb *tb)
{
	size_t n = qemu_plugin_tb_n_insns(tb);

	(void)id;
	for (size_t k = 0; k < n; k++) {
		struct qemu_plugin_insn *q = qemu_plugin_tb_get_insn(tb, k);
		struct insn *i = insn_record(q);

		if (i == NULL)
			continue;
		if (!from.set) {
			qemu_plugin_register_vcpu_insn_exec_inline(q,
			    INLINE_ADD_U64, &i->count, 1);
			continue;
		}
		if (marker_is(&to, i))
			qemu_plugin_register_vcpu_insn_exec_cb(q,
			    interval_end, CB_NO_REGS, NULL);
		if (marker_is(&from, i))
			qemu_plugin_register_vcpu_insn_exec_cb(q,
			    interval_begin, CB_NO_REGS, NULL);
		qemu_plugin_register_vcpu_insn_exec_cb(q, insn_count,
		    CB_NO_REGS, i);
	}
}

static bool
file_map(const char *path)
{
	const size_t size = INSNS_MAX * sizeof(struct insn);
	char name[4096];
	int fd = open(path, O_RDWR | O_CREAT | O_TRUNC, 0666);
	void *map;

	if (fd < 0 || ftruncate(fd, (off_t)size) < 0)
		return false;
	map = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	close(fd);
	if (map == MAP_FAILED)
		return false;
	header = map;
	insn = map;
	header->used = 1;
	snprintf(name, sizeof(name), "%s.laps", path);
	laps = fopen(name, "w");
	if (laps == NULL)
		return false;
	setvbuf(laps, NULL, _IOLBF, 0);
	return true;
}

/* ADDR:BYTES, both hexadecimal. */
static bool
marker_read(const char *text, struct marker *m)
{
	char *end;
	unsigned byte;
	int used;

	m->va = strtoull(text, &end, 16);
	if (end == text || *end++ != ':')
		return false;
	while (m->size < INSN_MAX && sscanf(end, "%2x%n", &byte, &used) == 1) {
		m->bytes[m->size++] = (uint8_t)byte;
		end += used;
	}
	m->set = true;
	return *end == '\0';
}

EXPORT int
qemu_plugin_install(uint64_t id, const void *info, int argc, char **argv)
{
	bool good = true;

	(void)info;
	for (int i = 0; i < argc; i++) {
		if (strncmp(argv[i], "out=", 4) == 0)
			good &= file_map(argv[i] + 4);
		else if (strncmp(argv[i], "from=", 5) == 0)
			good &= marker_read(argv[i] + 5, &from);
		else if (strncmp(argv[i], "to=", 3) == 0)
			good &= marker_read(argv[i] + 3, &to);
		else
			good = false;
	}
	if (!good || header == NULL || from.set != to.set) {
		fprintf(stderr, "qemu_count: bad arguments\n");
		return -1;
	}
	qemu_plugin_register_vcpu_tb_trans_cb(id, block_translated);
	return 0;
}
