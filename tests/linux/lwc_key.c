/*
 * lwc_key.c - a signing key in a context of its own (ECDSA on P-256, by
 * BearSSL).  The rest of the process can have things signed, and nothing else:
 * whatever it reads, maps, overlays or asks of the kernel, it finds neither the
 * key nor what the library made of it.  The same search finds them where the
 * key was in the process, and where only its bytes were erased.
 * with: bearssl
 */
#define _GNU_SOURCE
#include <bearssl.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <castor/lwc.h>

#include "scan.h"
#include "tap.h"

#define KEY		32
#define SIGNATURE	64

/* BearSSL's own: a number in words of 31 bits, behind its length. */
void br_i31_decode(uint32_t *x, const void *src, size_t len);

/* ---- the cryptography */

static void
hash(uint8_t *to, const void *text, size_t n)
{
	br_sha256_context c;

	br_sha256_init(&c);
	br_sha256_update(&c, text, n);
	br_sha256_out(&c, to);
}

static size_t
sign(uint8_t *signature, const uint8_t *digest, uint8_t *key)
{
	const br_ec_private_key k = { BR_EC_secp256r1, key, KEY };

	return br_ecdsa_sign_raw_get_default()(br_ec_get_default(),
	    &br_sha256_vtable, digest, &k, signature);
}

static bool
verifies(const uint8_t *signature, const uint8_t *digest, uint8_t *public,
    size_t n)
{
	const br_ec_public_key k = { BR_EC_secp256r1, public, n };

	return br_ecdsa_vrfy_raw_get_default()(br_ec_get_default(), digest,
	    br_sha256_SIZE, &k, signature, SIGNATURE) == 1;
}

static void
key_make(uint8_t *key)
{
	if (getrandom(key, KEY, 0) != KEY)
		_exit(9);
	key[0] &= 0x7f;			/* below the order of the curve */
}

static void
hex(uint8_t *to, const char *text, size_t n)
{
	for (size_t i = 0; i < n; i++)
		(void)sscanf(text + 2 * i, "%2hhx", &to[i]);
}

/* RFC 6979, A.2.5: P-256 with SHA-256. */
TEST(the_library_signs_as_the_standard_has_it)
{
	static const char *const vector[][2] = {
		{ "sample",
		  "EFD48B2AACB6A8FD1140DD9CD45E81D69D2C877B56AAF991C34D0EA84EAF3716"
		  "F7CB1C942D657C41D436C7A1B6E29F65F3E900DBB9AFF4064DC4AB2F843ACDA8" },
		{ "test",
		  "F1ABB023518351CD71D881567B1EA663ED3EFCF6C5132B354F28D3B0B7D38367"
		  "019F4113742A2B14BD25926B49C649155F267E60D3814B4C0CC84250E46F0083" },
	};
	uint8_t key[KEY], want[SIGNATURE], got[SIGNATURE], digest[32];

	hex(key, "C9AFA9D845BA75166B5C215767B1D6934E50C3DB36E89B127B8A622B120F6721",
	    KEY);
	for (int i = 0; i < 2; i++) {
		hex(want, vector[i][1], SIGNATURE);
		hash(digest, vector[i][0], strlen(vector[i][0]));
		EQ(sign(got, digest, key), SIGNATURE);
		OK(memcmp(got, want, SIGNATURE) == 0);
	}
}

/* ---- what all contexts share: nothing secret */
static struct counter {
	uint8_t digest[32], signature[SIGNATURE];
	uint8_t public[BR_EC_KBUF_PUB_MAX_SIZE];
	size_t public_len;
	struct needles needles;		/* what is not to be found */
	exo_ppn frame;			/* where the key is */
	uint64_t va;
} *counter;

/* All forms that the key has had, in disguise. */
static void
needles_make(const uint8_t *key)
{
	uint8_t back[KEY];
	uint32_t x[KEY / 4 + 4] = { 0 };

	counter->needles.n = 0;
	for (int i = 0; i < KEY; i++)
		back[i] = key[KEY - 1 - i];
	br_i31_decode(x, key, KEY);
	needle_add(&counter->needles, key, KEY);
	needle_add(&counter->needles, back, KEY);
	needle_add(&counter->needles, x + 1, KEY);
	needle_add(&counter->needles, x + 2, KEY);
}

static void
public_make(uint8_t *key)
{
	const br_ec_private_key k = { BR_EC_secp256r1, key, KEY };

	counter->public_len = br_ec_compute_pub(br_ec_get_default(), NULL,
	    counter->public, &k);
}

/* The frame that this context has at va. */
static exo_ppn
frame_of(uint64_t va)
{
	const uint64_t *own = (const uint64_t *)(OWN_VIEWS + VIEW_OWN *
	    EXO_PAGE);
	exo_ppn ppn = EXO_PTE_PPN(own[EXO_PT_INDEX(OWN_VIEWS + VIEW_ROOT *
	    EXO_PAGE, 1)]);

	for (uint32_t level = 4; level > 0 && ppn != 0; level--) {
		const uint64_t *t = scan_table(ppn, level);

		ppn = t == NULL ? 0 : EXO_PTE_PPN(t[EXO_PT_INDEX(va, level)]);
	}
	return ppn;
}

enum { SIGN = 1 };

/* The context of the key.  It is asked for signatures, and takes its orders
 * from nobody. */
static _Noreturn void
key_context(int from)
{
	uint64_t args[LWC_ARGS] = { 0 };
	uint8_t *key = malloc(KEY), digest[32], signature[SIGNATURE];

	key_make(key);
	public_make(key);
	needles_make(key);
	counter->va = (uint64_t)key;
	counter->frame = frame_of((uint64_t)key);
	for (;;) {
		memset(args, 0, sizeof(args));
		if (lwc_switch(from, args, &from) != LWC_SWITCHED)
			_exit(8);
		if (args[0] != SIGN)
			continue;
		memcpy(digest, counter->digest, sizeof(digest));
		(void)sign(signature, digest, key);
		memcpy(counter->signature, signature, SIGNATURE);
	}
}

static int
key_start(void)
{
	uint64_t args[LWC_ARGS] = { 0 };
	int from;
	long c = lwc_create(NULL, 0, &from, NULL, NULL, 0);

	if (c == LWC_SWITCHED)
		key_context(from);
	if (c >= 0 && lwc_switch((int)c, args, NULL) != LWC_SWITCHED)
		return -1;
	return (int)c;
}

/* What the creator may do with what it has created: no more. */
static long
give_up(int c)
{
	const struct lwc_spec all[] = {
		{ ~0ul, ~0ul, LWC_MEMORY, 0 },
		{ ~0ul, ~0ul, LWC_FILES, 0 },
		{ ~0ul, ~0ul, LWC_CREDENT, 0 },
	};

	return lwc_restrict(c, all, 3);
}

static bool
has_it_signed(int c, const char *text)
{
	uint64_t args[LWC_ARGS] = { SIGN };

	hash(counter->digest, text, strlen(text));
	memset(counter->signature, 0, SIGNATURE);
	return lwc_switch(c, args, NULL) == LWC_SWITCHED &&
	    verifies(counter->signature, counter->digest, counter->public,
	    counter->public_len);
}

/* ---- a process for each, so that one leaves nothing for the next */

static int
in_child(int (*what)(void))
{
	int status = -1;
	pid_t pid;

	memset(counter, 0, sizeof(*counter));
	fflush(stdout);
	pid = fork();
	if (pid == 0)
		_exit(what());
	EQ(waitpid(pid, &status, 0), pid);
	return status;
}

/* Everything that can be read; 1: something was found.  It was looked at all of
 * it: what the compiler knows nothing of, too. */
static int
found(void)
{
	struct scan s = scan_all(&counter->needles);

	if (s.hits != 0)
		printf("# in %lu places, the first %lx\n", s.hits, s.where);
	return counter->needles.n == 0 || s.bytes < 4 << 20 ? 100 : s.hits != 0;
}

static int
in_the_process(void)
{
	uint8_t *key = malloc(KEY);

	key_make(key);
	needles_make(key);
	return found();
}

/* Signs once, and forgets where the key was. */
static int
pointer_lost(void)
{
	uint8_t *key = malloc(KEY), digest[32] = { 1 }, signature[SIGNATURE];

	key_make(key);
	(void)sign(signature, digest, key);
	needles_make(key);
	key = NULL;
	__asm__ volatile("" : : "r"(key) : "memory");
	return found();
}

static __attribute__((noinline)) void
stack_scrub(void)
{
	volatile uint8_t room[32 << 10];

	for (size_t i = 0; i < sizeof(room); i++)
		room[i] = 0;
}

static void
key_erase(uint8_t *key)
{
	memset(key, 0, KEY);
	__asm__ volatile("" : : "r"(key) : "memory");
}

static __attribute__((noinline)) void
sign_and_erase(void)
{
	uint8_t *key = malloc(KEY), digest[32] = { 1 }, signature[SIGNATURE];

	key_make(key);
	needles_make(key);
	stack_scrub();
	(void)sign(signature, digest, key);
	key_erase(key);
}

/* The key's bytes are gone; what the library made of them lies on its stack. */
static int
bytes_erased(void)
{
	sign_and_erase();
	return found();
}

static int
all_erased(void)
{
	sign_and_erase();
	stack_scrub();
	return found();
}

TEST(where_the_key_is_it_is_found)
{
	EQ(in_child(in_the_process), 1 << 8);
}

TEST(a_lost_pointer_hides_nothing)
{
	EQ(in_child(pointer_lost), 1 << 8);
}

TEST(what_the_library_made_of_it_is_found)
{
	EQ(in_child(bytes_erased), 1 << 8);
	EQ(in_child(all_erased), 0);
}

/* ---- with a context */

static int
unreadable(void)
{
	int c = key_start();

	if (c < 0 || !has_it_signed(c, "one") || give_up(c) < 0)
		return 10;
	return found() + (has_it_signed(c, "two") ? 0 : 20);
}

/* The creator keeps what it was given, but nothing comes by itself: the search
 * alone finds nothing. */
static int
unreadable_by_its_creator(void)
{
	int c = key_start();

	return c < 0 || !has_it_signed(c, "one") ? 10 : found();
}

TEST(in_a_context_it_is_not_found)
{
	EQ(in_child(unreadable), 0);
	EQ(in_child(unreadable_by_its_creator), 0);
}

static int
overlaid(int c)
{
	uint64_t page = counter->va & ~(EXO_PAGE - 1);
	const struct lwc_spec specs[] = {
		{ ~0ul, ~0ul, LWC_MEMORY | LWC_SHARE, 0 },
		{ ~0ul, ~0ul, LWC_MEMORY | LWC_COPY, 0 },
		{ page, page + EXO_PAGE, LWC_MEMORY | LWC_SHARE, 0 },
		{ page, page + EXO_PAGE, LWC_MEMORY | LWC_COPY, 0 },
		{ ~0ul, ~0ul, LWC_FILES | LWC_SHARE, 0 },
		{ ~0ul, ~0ul, LWC_CREDENT | LWC_SHARE, 0 },
	};
	int got = 0;

	for (size_t i = 0; i < sizeof(specs) / sizeof(specs[0]); i++)
		got += lwc_overlay(c, &specs[i], 1) >= 0;
	return got;
}

static int
asked(int c)
{
	static const unsigned masks[] = { LWC_MEMORY, LWC_ALL };
	int got = 0, fd = open("/tmp/lwc_key", O_CREAT | O_RDWR, 0600);
	const uint64_t args[6] = { (uint64_t)fd, counter->va, KEY };

	for (int i = 0; i < 2; i++)
		got += lwc_syscall(c, masks[i], SYS_write, args) >= 0;
	got += lseek(fd, 0, SEEK_END) != 0;
	close(fd);
	unlink("/tmp/lwc_key");
	return got;
}

/* A switch is a request: what it does not know it does not answer. */
static int
switched(int c)
{
	uint64_t args[LWC_ARGS];
	int got = 0;

	for (uint64_t i = 0; i < 64; i++) {
		for (int k = 0; k < LWC_ARGS; k++)
			args[k] = i == SIGN ? 0 : i + counter->va * (i & 1);
		if (lwc_switch(c, args, NULL) != LWC_SWITCHED)
			return 100;
		for (int k = 0; k < LWC_ARGS; k++)
			got += args[k] != 0;
	}
	return got;
}

static int
child_of_mine(int c)
{
	int status;
	pid_t pid = fork();

	if (pid == 0)
		_exit(overlaid(c) + asked(c) + found());
	waitpid(pid, &status, 0);
	return status;
}

/* Which frames are tables of this context's, whoever paid for them: what a
 * parent and its child share is charged to one, and may be the other's alone
 * in the end. */
static uint8_t tables[1 << 17];

static void
tables_mark(exo_ppn table, uint32_t level)
{
	const uint64_t *t = scan_table(table, level);

	tables[table >> 3] |= (uint8_t)(1u << (table & 7));
	for (uint32_t i = 0; t != NULL && level > 1 &&
	    i < (level < 4 ? 512 : 256); i++) {
		if (t[i] & EXO_PTE_P)
			tables_mark(EXO_PTE_PPN(t[i]), level - 1);
	}
}

/* The tables of all others: not editable, whoever asks.  One that hangs
 * nowhere and holds nothing is its maker's. */
static int
tables_edited(exo_ppn root)
{
	int got = 0;

	if (EXO_MACHINE->nframes > sizeof(tables) * 8)
		return 100;
	memset(tables, 0, sizeof(tables));
	tables_mark(root, 4);
	for (exo_ppn t = 1; t < EXO_MACHINE->nframes; t++) {
		const volatile struct exo_page *f = &EXO_PAGES[t];

		if (f->kind < EXO_PG_PT1 || f->kind > EXO_PG_PT4 ||
		    tables[t >> 3] >> (t & 7) & 1 ||
		    (f->refs == 0 && f->entries == 0))
			continue;
		got += exo_pt_set(0, t, 0, 0, 0) >= 0;
	}
	return got;
}

/* The kernel, by its own calls, with all capabilities that there are: the
 * key's frame, and the domains of this process. */
static int
by_the_kernel(void)
{
	uint8_t actions[EXO_CLASSES] = { 0 };
	uint64_t mask[2] = { ~0ul, ~0ul };
	exo_ppn p = counter->frame, mine = 0;
	const uint64_t *own = (const uint64_t *)(OWN_VIEWS + VIEW_OWN *
	    EXO_PAGE);
	int got = 0;

	mine = EXO_PTE_PPN(own[EXO_PT_INDEX(OWN_VIEWS, 1)]);
	if (p == 0 || EXO_PAGES[p].kind != EXO_PG_DATA)
		return 100;
	for (exo_slot s = 0; s < EXO_SLOT(EXO_SLOT_TABLES, 0); s++) {
		got += scan_map(SCAN_FRAME, EXO_PTE(p, EXO_PTE_NX), s) >= 0;
		got += scan_map(SCAN_FRAME, EXO_PTE(p, EXO_PTE_NX |
		    EXO_PTE_W), s) >= 0;
		got += exo_page_unmap(s, p, 512) >= 0;
		got += exo_page_guard(s, s, p, 512) >= 0;
		got += exo_page_free(s, p, 1) >= 0;
	}
	for (uint32_t i = 0; i < EXO_MACHINE->ndomains; i++) {
		const volatile struct exo_domain *d = &EXO_DOMAINS[i];
		exo_id id = EXO_ID(d->gen, i);

		if (d->state != EXO_DOM_LIVE || d->root == mine)
			continue;
		for (exo_slot s = 0; s < EXO_SLOT(EXO_SLOT_TABLES, 0); s++) {
			got += exo_domain_row(id, s, EXO_CLASS_FAULT,
			    EXO_ACT_SELF) >= 0;
			got += exo_domain_monitor(id, s, (uint64_t)actions,
			    (uint64_t)mask, 0) >= 0;
			got += exo_seat_free(id, s, 0) >= 0;
			got += exo_slots_bind(id, s, 3,
			    EXO_DOMAINS[i].slot_tables[0]) >= 0;
			got += exo_domain_kill(id, s, 0) >= 0;
		}
	}
	return got + tables_edited(mine);
}

static int
attacked(void)
{
	int c = key_start(), got = 0;

	if (c < 0 || !has_it_signed(c, "one") || give_up(c) < 0)
		return 250;
#define ATTACK(what)							      \
	do {								      \
		int n_ = what;						      \
									      \
		if (n_ != 0)						      \
			printf("# %s: %d\n", #what, n_);		      \
		got += n_ != 0;						      \
	} while (0)
	ATTACK(overlaid(c));
	ATTACK(asked(c));
	ATTACK(switched(c));
	ATTACK(child_of_mine(c));
	ATTACK(by_the_kernel());
	ATTACK(found());
	return got + (has_it_signed(c, "two") ? 0 : 100);
}

TEST(no_attack_gets_it)
{
	EQ(in_child(attacked), 0);
}

/* What is refused above is there for who has the right. */
static int
overlaid_with_right(void)
{
	int c = key_start();
	uint64_t page;
	struct lwc_spec s;

	if (c < 0)
		return 10;
	page = counter->va & ~(EXO_PAGE - 1);
	s = (struct lwc_spec){ page, page + EXO_PAGE, LWC_MEMORY | LWC_SHARE,
		0 };
	if (lwc_overlay(c, &s, 1) < 0)
		return 20;
	return found();
}

TEST(who_has_the_right_gets_it)
{
	EQ(in_child(overlaid_with_right), 1 << 8);
}

int
main(void)
{
	counter = mmap(NULL, 2 * EXO_PAGE, PROT_READ | PROT_WRITE,
	    MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	return tap_run();
}
