/*
 * data.c - what the loader refuses: a variable, a constant table, a function
 * of another file.
 */
int count;
static const int table[4] = { 10, 21, 32, 43 };
extern int elsewhere(int a);

int
variable(const int *p)
{
	return count += *p;
}

int
constant(const int *p)
{
	return table[*p & 3];
}

int
external(const int *p)
{
	return elsewhere(*p);
}

int
none_of_these(const int *p)
{
	return *p + 1;
}
