/*
 * libssl - OpenSSL's headers, for the files of this layer that need them.
 *
 * OpenSSL has a type called ERR_STATE, which is one of our error classes: its
 * name is bent away while its headers are read. Include this before err.h.
 */
#ifndef NET_LIBSSL_H
#define NET_LIBSSL_H
#define ERR_STATE openssl_err_state
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#undef ERR_STATE
#endif
