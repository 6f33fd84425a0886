/*
 * rtc.c - the clock of days in the PC's CMOS memory, read once at boot.
 *
 * Its registers change once a second, for a moment that register A announces;
 * what was read is believed when it reads the same twice.  All loops are
 * bounded: a machine without such a clock boots without one.
 */
#include "dev/rtc.h"
#include "x86.h"

#define PORT_INDEX	0x70
#define PORT_DATA	0x71
#define NMI_OFF		0x80		/* as firmware leaves it meanwhile */
#define REG_A		0x0a
#define A_UPDATING	0x80
#define REG_B		0x0b
#define B_BINARY	0x04
#define B_24_HOURS	0x02
#define HOUR_PM		0x80
#define TRIES		10
#define UPDATE_READS	100000		/* far longer than 2 ms */

enum { SECOND, MINUTE, HOUR, DAY, MONTH, YEAR, FIELDS };

static uint8_t
rtc_reg(uint8_t reg)
{
	x86_outb(PORT_INDEX, NMI_OFF | reg);
	return x86_inb(PORT_DATA);
}

static void
fields_read(uint8_t v[FIELDS])
{
	static const uint8_t regs[FIELDS] = { 0, 2, 4, 7, 8, 9 };

	for (int i = 0; i < UPDATE_READS &&
	    (rtc_reg(REG_A) & A_UPDATING) != 0; i++)
		;
	for (int i = 0; i < FIELDS; i++)
		v[i] = rtc_reg(regs[i]);
}

/* The same twice: 0. */
static int
fields_settle(uint8_t v[FIELDS])
{
	uint8_t again[FIELDS];

	for (int n = 0; n < TRIES; n++) {
		fields_read(v);
		fields_read(again);
		if (__builtin_memcmp(v, again, FIELDS) == 0)
			return 0;
	}
	return -1;
}

/* As the mode in register B says, to numbers. */
static void
fields_decode(uint8_t v[FIELDS], uint8_t mode)
{
	uint8_t pm = v[HOUR] & HOUR_PM;

	if ((mode & B_24_HOURS) == 0)
		v[HOUR] &= (uint8_t)~HOUR_PM;
	for (int i = 0; i < FIELDS && (mode & B_BINARY) == 0; i++)
		v[i] = (uint8_t)((v[i] >> 4) * 10 + (v[i] & 15));
	if ((mode & B_24_HOURS) == 0)
		v[HOUR] = (uint8_t)(v[HOUR] % 12 + (pm != 0 ? 12 : 0));
}

/* Days from 1970 to a day of a year of 2000-2099, where each fourth leaps. */
static uint64_t
days_since_1970(uint32_t year, uint32_t month, uint32_t day)
{
	static const uint16_t before[12] = { 0, 31, 59, 90, 120, 151, 181, 212,
		243, 273, 304, 334 };
	uint32_t leaps = (year + 3) / 4 + (year % 4 == 0 && month > 2);

	return 10957 + year * 365 + leaps + before[month - 1] + day - 1;
}

uint64_t
rtc_read(void)
{
	uint8_t v[FIELDS];

	if (fields_settle(v) != 0)
		return 0;
	fields_decode(v, rtc_reg(REG_B));
	if (v[SECOND] > 59 || v[MINUTE] > 59 || v[HOUR] > 23 || v[DAY] < 1 ||
	    v[DAY] > 31 || v[MONTH] < 1 || v[MONTH] > 12 || v[YEAR] > 99)
		return 0;
	return days_since_1970(v[YEAR], v[MONTH], v[DAY]) * 86400 +
	    v[HOUR] * 3600u + v[MINUTE] * 60u + v[SECOND];
}
