/*
 * remedy - what to do about a refused sign-in, by how the secret is given and
 * by what the provider wants.
 */
#ifndef FLOW_REMEDY_H
#define FLOW_REMEDY_H
#include "config.h"
#include "err.h"

void remedy_signin(const struct config_account *a, struct err *e);
#endif
