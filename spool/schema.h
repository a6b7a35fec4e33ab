/*
 * schema - the text of schema.sql; schema.c is made from it by CMake.
 */
#ifndef SPOOL_SCHEMA_H
#define SPOOL_SCHEMA_H
extern const char spool_schema[];
#endif
