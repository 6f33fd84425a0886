# castor.mk - an upcall may come between any two instructions of a program
# and be interrupted itself, so nothing that runs on an upcall stack may have
# a red zone; programs bring handlers of their own (castor/upcall.h).
UFLAGS	+= -mno-red-zone
TFLAGS	+= -mno-red-zone
