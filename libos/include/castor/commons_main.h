/* castor/commons_main.h - all of bin/commons but its name. */
#ifndef CASTOR_COMMONS_MAIN_H
#define CASTOR_COMMONS_MAIN_H

int commons_main(void);

#endif
