/* Division for 32-bit ARM before ARMv7VE, whose compilers call these of a C library: a network is a library without one.
   Hidden, so that no other code finds them. Quotients in r0, remainders in r1: the halves of 64 bits. */
#pragma GCC visibility push(hidden)
unsigned long long __aeabi_uidivmod(unsigned n, unsigned d);
unsigned long long __aeabi_idivmod(int n, int d);
unsigned __aeabi_uidiv(unsigned n, unsigned d);
int __aeabi_idiv(int n, int d);

unsigned long long __aeabi_uidivmod(unsigned n, unsigned d)
{
    unsigned quotient = 0, rest = 0;
    for (int bit = 31; bit >= 0; bit--) {
        const unsigned carry = rest >> 31;
        rest = rest << 1 | (n >> bit & 1);
        if (carry || rest >= d) {
            rest -= d;
            quotient |= 1u << bit;
        }
    }
    return (unsigned long long)rest << 32 | quotient;
}
unsigned long long __aeabi_idivmod(int n, int d)
{
    const unsigned long long both = __aeabi_uidivmod(n < 0 ? 0u - (unsigned)n : (unsigned)n, d < 0 ? 0u - (unsigned)d : (unsigned)d);
    unsigned quotient = (unsigned)both, rest = (unsigned)(both >> 32);
    if ((n < 0) != (d < 0)) quotient = 0u - quotient;
    if (n < 0) rest = 0u - rest;
    return (unsigned long long)rest << 32 | quotient;
}
unsigned __aeabi_uidiv(unsigned n, unsigned d) { return (unsigned)__aeabi_uidivmod(n, d); }
int __aeabi_idiv(int n, int d) { return (int)(unsigned)__aeabi_idivmod(n, d); }
#pragma GCC visibility pop
