#include "cli.h"

int main(int argc, char** argv) {
  return lastseen::run_cli(argc, argv);
}
