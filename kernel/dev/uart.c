/*
 * uart.c - a 16550 at COM1, polled.
 *
 * No interrupts: output is for people and tests, input is read where the
 * console is asked for it.  Bochs loses bytes unless the line status is
 * polled before each, so it always is.
 */
#include "dev/uart.h"
#include "x86.h"

#define COM1		0x3f8
#define UART_DATA	(COM1 + 0)	/* divisor low while DLAB is set */
#define UART_IER	(COM1 + 1)	/* divisor high while DLAB is set */
#define UART_FCR	(COM1 + 2)
#define UART_LCR	(COM1 + 3)
#define UART_MCR	(COM1 + 4)
#define UART_LSR	(COM1 + 5)

#define LCR_8N1		0x03
#define LCR_DLAB	0x80
#define FCR_ENABLE	0x07		/* on, both queues emptied */
#define MCR_DTR_RTS	0x03
#define LSR_DATA	0x01
#define LSR_EMPTY	0x20
#define LSR_SENT	0x40

/* A port that never drains must not stop the kernel. */
#define UART_SPINS	100000

void
uart_init(void)
{
	x86_outb(UART_IER, 0);
	x86_outb(UART_LCR, LCR_DLAB);
	x86_outb(UART_DATA, 1);			/* 115200 baud */
	x86_outb(UART_IER, 0);
	x86_outb(UART_LCR, LCR_8N1);
	x86_outb(UART_FCR, FCR_ENABLE);
	x86_outb(UART_MCR, MCR_DTR_RTS);
}

static void
lsr_await(uint8_t bit)
{
	unsigned spins;

	for (spins = 0; spins < UART_SPINS; spins++) {
		if (x86_inb(UART_LSR) & bit)
			return;
		x86_pause();
	}
}

void
uart_putc(char c)
{
	lsr_await(LSR_EMPTY);
	x86_outb(UART_DATA, (uint8_t)c);
}

void
uart_drain(void)
{
	lsr_await(LSR_SENT);
}

int
uart_getc(void)
{
	uint8_t lsr = x86_inb(UART_LSR);

	if (lsr == 0xff || !(lsr & LSR_DATA))	/* 0xff: no such device */
		return -1;
	return x86_inb(UART_DATA);
}
