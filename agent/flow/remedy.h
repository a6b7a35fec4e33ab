/*
 * remedy - what to do about a refused sign-in, by how the secret is given and
 * by what the provider wants.
 * Only where a layer below gave no remedy of its own.
 */
#ifndef FLOW_REMEDY_H
#define FLOW_REMEDY_H
#include "config.h"
#include "err.h"

void remedy_signin(const struct config_account *a, struct err *e);
/* The same of a delivery. */
void remedy_delivery(const struct config_delivery *d, struct err *e);
#endif
