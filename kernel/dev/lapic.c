/*
 * lapic.c - the local APIC in xAPIC mode, and the clocks' speeds.
 *
 * The LAPIC's timer is the only interrupt source that the kernel opens.  The
 * 8259s are moved off the exception vectors, in case one fires spuriously,
 * and masked.  Both clocks are measured against PIT channel 2, which needs
 * no interrupts.
 */
#include "cpu.h"
#include "dev/lapic.h"
#include "kmap.h"
#include "panic.h"
#include "x86.h"

/* SDM volume 3, table 10-1: byte offsets of 32-bit registers. */
#define LAPIC_TPR	0x080
#define LAPIC_EOI	0x0b0
#define LAPIC_SVR	0x0f0
#define LAPIC_LVT_TIMER	0x320
#define LAPIC_LVT_LINT0	0x350
#define LAPIC_LVT_LINT1	0x360
#define LAPIC_LVT_ERROR	0x370
#define LAPIC_INITIAL	0x380
#define LAPIC_CURRENT	0x390
#define LAPIC_DIVIDE	0x3e0

#define APIC_BASE_ON	(1ul << 11)
#define APIC_BASE_X2	(1ul << 10)
#define APIC_BASE_PA	0x000ffffffffff000ul
#define SVR_ON		(1u << 8)
#define LVT_MASKED	(1u << 16)
#define LVT_PERIODIC	(1u << 17)
#define DIVIDE_BY_16	3u

#define PIC1		0x20
#define PIC2		0xa0
#define PIC_VECTOR	32		/* to 47: our gates' last 16 */

#define PIT_HZ		1193182ul
#define PIT_CH2		0x42
#define PIT_MODE	0x43
#define PIT_GATE	0x61		/* bit 0: run, 1: speaker, 5: out */
#define PIT_MEASURE	1000ul		/* measure for 1/1000 second */
#define PIT_TICKS	(PIT_HZ / PIT_MEASURE)
#define MEASURES	20u

uint64_t tsc_hz, lapic_hz;

static volatile uint32_t *lapic;

static uint32_t
lapic_read(uint32_t reg)
{
	return lapic[reg / 4];
}

static void
lapic_write(uint32_t reg, uint32_t v)
{
	lapic[reg / 4] = v;
}

static void
pic_mask(void)
{
	static const uint16_t pics[] = { PIC1, PIC2 };
	unsigned i;

	for (i = 0; i < 2; i++) {
		x86_outb(pics[i], 0x11);	/* ICW1: begin, ICW4 follows */
		x86_outb(pics[i] + 1, (uint8_t)(PIC_VECTOR + 8 * i));
		x86_outb(pics[i] + 1, i == 0 ? 4 : 2);	/* how they chain */
		x86_outb(pics[i] + 1, 1);	/* ICW4: 8086 mode */
		x86_outb(pics[i] + 1, 0xff);
	}
}

/* What the TSC counts in that time, and the LAPIC's timer.  Mode 0 counts down
 * once; the output rises at the end. */
static uint64_t
clocks_once(uint32_t *lapic_count)
{
	const uint8_t gate = x86_inb(PIT_GATE) & ~3;
	uint64_t tsc;

	x86_outb(PIT_GATE, gate);
	x86_outb(PIT_MODE, 0xb0);	/* channel 2, both bytes, mode 0 */
	x86_outb(PIT_CH2, PIT_TICKS & 0xff);
	x86_outb(PIT_CH2, PIT_TICKS >> 8);
	lapic_write(LAPIC_INITIAL, UINT32_MAX);
	tsc = x86_rdtsc();
	x86_outb(PIT_GATE, gate | 1);
	while ((x86_inb(PIT_GATE) & 0x20) == 0)
		x86_pause();
	tsc = x86_rdtsc() - tsc;
	*lapic_count = UINT32_MAX - lapic_read(LAPIC_CURRENT);
	lapic_write(LAPIC_INITIAL, 0);
	x86_outb(PIT_GATE, gate);
	return tsc;
}

/* A machine that is itself one of several programs may be stopped in between,
 * and then the time was longer than it seemed: the shortest is right. */
static void
clocks_measure(void)
{
	uint64_t tsc = UINT64_MAX;
	uint32_t count = 0;
	unsigned i;

	lapic_write(LAPIC_DIVIDE, DIVIDE_BY_16);
	lapic_write(LAPIC_LVT_TIMER, LVT_MASKED | VEC_TIMER);
	for (i = 0; i < MEASURES; i++) {
		uint32_t n;
		uint64_t t = clocks_once(&n);

		if (t < tsc) {
			tsc = t;
			count = n;
		}
	}
	tsc_hz = tsc * PIT_HZ / PIT_TICKS;
	lapic_hz = (uint64_t)count * PIT_HZ / PIT_TICKS;
	if (tsc_hz == 0 || lapic_hz == 0)
		panic("lapic: its timer does not run");
}

void
lapic_init(void)
{
	uint64_t base = x86_rdmsr(MSR_APIC_BASE);

	if (base & APIC_BASE_X2)
		panic("lapic: the firmware left it in x2APIC mode");
	pic_mask();
	lapic = kmap_device(base & APIC_BASE_PA, 1);
	x86_wrmsr(MSR_APIC_BASE, base | APIC_BASE_ON);
	lapic_write(LAPIC_SVR, SVR_ON | VEC_SPURIOUS);
	lapic_write(LAPIC_LVT_LINT0, LVT_MASKED);
	lapic_write(LAPIC_LVT_LINT1, LVT_MASKED);
	lapic_write(LAPIC_LVT_ERROR, LVT_MASKED);
	lapic_write(LAPIC_TPR, 0);
	clocks_measure();
	lapic_eoi();
}

void
lapic_timer_start(uint32_t hz)
{
	uint64_t count;

	assert(hz > 0);
	count = lapic_hz / hz;
	if (count == 0)
		count = 1;
	assert(count <= UINT32_MAX);
	lapic_write(LAPIC_LVT_TIMER, LVT_PERIODIC | VEC_TIMER);
	lapic_write(LAPIC_INITIAL, (uint32_t)count);
}

void
lapic_eoi(void)
{
	lapic_write(LAPIC_EOI, 0);
}
