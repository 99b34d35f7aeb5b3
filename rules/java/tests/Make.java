package rules.java.tests;

/** Asks for a class with the name of the annotated one and `Made` behind it. */
public @interface Make {}
