package main

/*
extern int sum_of_constructor;
*/
import "C"

func sumOfConstructor() int { return int(C.sum_of_constructor) }
