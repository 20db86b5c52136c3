#include <cstdio>

int main() { std::puts("lastseen " LASTSEEN_VERSION); }
