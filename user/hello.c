/* hello.c - the shortest program. */
#include <castor/print.h>

int
main(int argc, char **argv)
{
	print("Hello from %s", argv[0]);
	for (int i = 1; i < argc; i++)
		print(", %s", argv[i]);
	print(".\n");
	return 0;
}
