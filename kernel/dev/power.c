/*
 * power.c - turning the machine off, and with what status.
 *
 * Each emulator has its own door; the ones that are not there swallow the
 * write.  QEMU's isa-debug-exit turns v into the exit status (v << 1) | 1, of
 * which seven bits arrive; a debug console can be told all eight.
 */
#include "dev/power.h"
#include "dev/uart.h"
#include "x86.h"

#define PORT_DEBUG_EXIT	0xf4
#define PORT_DEBUG_CON	0xe9
#define PORT_ACPI	0x604		/* QEMU's PM1a control */
#define ACPI_S5		0x2000		/* SLP_EN, sleep type 0 */
#define PORT_BOCHS	0x8900

void
power_status(uint8_t status)
{
	x86_outb(PORT_DEBUG_CON, status);
}

_Noreturn void
power_off(int status)
{
	const char *p;

	uart_drain();
	x86_outl(PORT_DEBUG_EXIT, (uint32_t)status);
	x86_outw(PORT_ACPI, ACPI_S5);
	for (p = "Shutdown"; *p != '\0'; p++)
		x86_outb(PORT_BOCHS, (uint8_t)*p);
	x86_stop();
}
