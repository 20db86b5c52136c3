// Compressed logs read as if they were not: what logrotate made of a rotated file.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "base/file_system.h"

namespace lastseen {

/// Whether the name says that the file is compressed: it ends with ".gz".
bool is_gzip_name(std::string_view path);
/// "access.log.2" of "access.log.2.gz"; other names stay as they are.
std::string without_gzip_suffix(std::string_view path);

/// Unpacks while it is read; all members, one after the other, are one stream of bytes. Positions
/// should increase: a jump back of more than a little unpacks from the beginning again. The size
/// that stat() tells is what is unpacked so far, always more than was read until the end is
/// known; everything else it tells of the packed file. A file that is still being written by gzip
/// grows as it does.
std::unique_ptr<File> make_gzip_file(std::unique_ptr<File> packed, std::string path);

/// Opens a file for reading; a compressed one, going by its name, gives what it holds unpacked.
Result<std::unique_ptr<File>> open_possibly_gzip(FileSystem& files, const std::string& path);

}  // namespace lastseen
