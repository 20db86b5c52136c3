// A YAML document as plain data, so that only load.cc needs to know the library that reads it.
#pragma once

#include <memory>
#include <string>
#include <vector>

namespace lastseen {

/// Where something stands in the file: 1-based, the column in bytes. Line 0: the file as a whole.
struct Place {
  int line = 0;
  int column = 0;
};

struct YamlNode;
/// Shared, since an alias names a node that also stands elsewhere. Never null in a tree.
using YamlPointer = std::shared_ptr<const YamlNode>;

struct YamlMember {
  std::string key;
  Place place;  ///< Of the key.
  YamlPointer value;
};

/// Keys of a mapping are unique and scalars; what breaks that was reported while reading.
struct YamlNode {
  enum class Kind { kNull, kScalar, kSequence, kMapping };

  Kind kind = Kind::kNull;
  Place place;
  int height = 0;    ///< Of the tree below: 0 for a scalar. Bounded, so recursion is safe.
  std::string text;  ///< Of a scalar, as written; nobody has guessed a type.
  std::vector<YamlPointer> items;
  std::vector<YamlMember> members;
};

}  // namespace lastseen
