/* uart.h - the first serial port, polled. */
#ifndef KERNEL_DEV_UART_H
#define KERNEL_DEV_UART_H

void	uart_init(void);
void	uart_putc(char);
void	uart_drain(void);	/* all of it is on the line */
int	uart_getc(void);	/* -1: nothing there */

#endif
