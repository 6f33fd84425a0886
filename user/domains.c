/* domains.c - the table of domains. */
#include <castor/print.h>
#include <castor/self.h>

static const char *const states[] = { "free", "live", "dead", "ended" };
static const char *const causes[] = {
	"-", "exit", "kill", "fault", "home", "monitor", "account"
};

static const char *
name_of(const char *const *names, size_t n, uint32_t i)
{
	return i < n ? names[i] : "?";
}

static void
row_print(uint32_t i, const volatile struct exo_domain *d)
{
	uint32_t tables = 0;

	for (uint32_t t = 0; t < EXO_SLOT_TABLES; t++)
		tables += d->slot_tables[t] != 0;
	print("%6u %4u %-6s%5u %7u %5u %5u %7u %5u %4u", i, d->gen,
	    name_of(states, 4, d->state), d->account, d->root, d->pcid,
	    d->nseats, d->nhandles, tables, d->named);
	if (d->monitor != EXO_NONE)
		print("  monitor %u", d->monitor);
	if (d->clients != 0)
		print("  clients %u", d->clients);
	if (d->state >= EXO_DOM_DEAD)
		print("  %s, word %lu", name_of(causes, 7, d->cause),
		    d->exit_word);
	print("%s\n", i == EXO_INDEX(self->domain) ? "  (me)" : "");
}

int
main(void)
{
	print("domain  gen state  acct    root  pcid seats handles slots "
	    "named\n");
	for (uint32_t i = 0; i < EXO_MACHINE->ndomains; i++) {
		if (EXO_DOMAINS[i].state != EXO_DOM_FREE)
			row_print(i, &EXO_DOMAINS[i]);
	}
	return 0;
}
