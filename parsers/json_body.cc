#include "parsers/json_body.h"

#include <type_traits>

#include "parsers/scan.h"

namespace lastseen {
namespace {

constexpr std::string_view kByteOrderMark = "\xef\xbb\xbf";
constexpr uint32_t kEnd = ~uint32_t{0};  // no unit: the body ends here

bool is_blank(uint32_t code) {
  return code <= ' ' && (code == ' ' || code == '\t' || code == '\n' || code == '\r');
}

bool is_digit_unit(uint32_t code) {
  return code >= '0' && code <= '9';
}

/// A push-down automaton over the units of one layer, with its stack as bits.
template <class Layer>
class BodyReader {
 public:
  BodyReader(const LoggedText& body, std::string_view name, BodyScratch* scratch)
      : p_(body.raw.data()),
        end_(p_ + body.raw.size()),
        name_(name),
        other_escapes_(body.other_escapes),
        scratch_(*scratch) {}

  BodyId find() {
    skip_byte_order_mark();
    if (skip_blanks().code != '{') return {};
    const BodyId id = find_in_object();
    if (id.kind != BodyId::Kind::kText && id.kind != BodyId::Kind::kNumber) return id;
    return is_ndjson() ? BodyId{} : id;
  }

  /// Whether all of the text is one number.
  bool reads_as_number() { return skip_number() == Token::kGood && p_ == end_; }

 private:
  enum class Expect { kKeyOrClose, kKey, kValueOrClose, kValue, kCommaOrClose };

  /// How reading one token went.
  enum class Token { kGood, kBad, kCut };

  Unit peek() const { return p_ < end_ ? Layer::read(p_, end_) : Unit{kEnd, p_, false}; }

  /// The log may hold its bytes as escapes.
  void skip_byte_order_mark() {
    const char* p = p_;
    for (const char byte : kByteOrderMark) {
      if (p == end_) return;
      const Unit unit = Layer::read(p, end_);
      if (unit.code_point || unit.code != static_cast<unsigned char>(byte)) return;
      p = unit.next;
    }
    p_ = p;
  }

  /// Gives the unit behind the blanks, which is the next to be read.
  Unit skip_blanks() {
    Unit unit = peek();
    for (; is_blank(unit.code); unit = peek()) p_ = unit.next;
    return unit;
  }

  // Stack of the open containers; the outermost is level 0.
  void push(bool object) {
    const size_t word = depth_ / 64;
    if (word == scratch_.nesting.size()) scratch_.nesting.push_back(0);
    const uint64_t bit = uint64_t{1} << (depth_ % 64);
    scratch_.nesting[word] = object ? scratch_.nesting[word] | bit : scratch_.nesting[word] & ~bit;
    ++depth_;
  }
  bool in_object() const { return scratch_.nesting[(depth_ - 1) / 64] >> ((depth_ - 1) % 64) & 1; }

  /// From the `{` of the top-level object to the id's value, or to what ends the search.
  BodyId find_in_object() {
    Expect expect = Expect::kValue;
    for (;;) {
      const Unit unit = skip_blanks();
      switch (expect) {
        case Expect::kKeyOrClose:
          if (unit.code == '}') break;
          [[fallthrough]];
        case Expect::kKey: {
          bool wanted = false;
          if (unit.code != '"' || !read_key(unit.next, &wanted)) return {};
          if (wanted) return read_id();
          expect = Expect::kValue;
          continue;
        }
        case Expect::kValueOrClose:
          if (unit.code == ']') break;
          [[fallthrough]];
        case Expect::kValue:
          if (unit.code == '{' || unit.code == '[') {
            push(unit.code == '{');
            p_ = unit.next;
            expect = unit.code == '{' ? Expect::kKeyOrClose : Expect::kValueOrClose;
            continue;
          }
          if (skip_scalar(unit) != Token::kGood) return {};
          expect = Expect::kCommaOrClose;
          continue;
        case Expect::kCommaOrClose:
          if (unit.code != ',') break;
          p_ = unit.next;
          expect = in_object() ? Expect::kKey : Expect::kValue;
          continue;
      }
      // What is left is a closing bracket, of the kind that was opened.
      if (unit.code != (in_object() ? '}' : ']') || --depth_ == 0) return {};
      p_ = unit.next;
      expect = Expect::kCommaOrClose;
    }
  }

  /// Reads a key, from behind its opening quote, and the colon. False: this is not JSON.
  bool read_key(const char* begin, bool* wanted) {
    p_ = begin;
    if (skip_string() != Token::kGood) return false;
    const std::string_view key = text_before_quote(begin);
    if (depth_ == 1) {
      *wanted = key == name_ || (key.size() > name_.size() && key.find('\\') != key.npos &&
                                 key_unescaped(key) == name_);
    }
    const Unit colon = skip_blanks();
    p_ = colon.next;
    return colon.code == ':';
  }

  std::string_view key_unescaped(std::string_view key) {
    if constexpr (std::is_same_v<Layer, BackslashLayer>) {
      unescape_backslashes(key, &scratch_.layer_off);
      key = scratch_.layer_off;
    }
    unescape_backslashes(key, &scratch_.key);
    return scratch_.key;
  }

  /// The value of the key that was looked for.
  BodyId read_id() {
    const Unit first = skip_blanks();
    if (first.code == kEnd) return {BodyId::Kind::kTruncated};
    const char* begin = p_;
    if (first.code == '"') {
      begin = p_ = first.next;
      const Token token = skip_string();
      if (token == Token::kCut) return {BodyId::Kind::kTruncated};
      if (token == Token::kBad) return {};
      return {BodyId::Kind::kText, static_cast<uint32_t>(quote_ - begin), begin};
    }
    if (first.code != '-' && !is_digit_unit(first.code)) return {};
    const Token token = skip_number();
    if (token == Token::kBad) return {};
    const uint32_t after = peek().code;
    if (token == Token::kCut || after == kEnd) return {BodyId::Kind::kTruncated};
    if (after != ',' && after != '}' && !is_blank(after)) return {};
    return {BodyId::Kind::kNumber, static_cast<uint32_t>(p_ - begin), begin};
  }

  /// The string that skip_string() has just read, without its closing quote.
  std::string_view text_before_quote(const char* begin) const { return {begin, quote_}; }

  /// From behind the opening quote to behind the closing one.
  Token skip_string() {
    for (;;) {
      p_ = find_special(p_, end_);
      if (p_ == end_) return Token::kCut;
      const Unit unit = Layer::read(p_, end_);
      if (unit.code == '"') {
        quote_ = p_;
        p_ = unit.next;
        return Token::kGood;
      }
      if (unit.code < 0x20) return Token::kBad;
      p_ = unit.next;
      if (unit.code != '\\') continue;
      const Token escape = skip_json_escape();
      if (escape != Token::kGood) return escape;
    }
  }

  /// What follows the backslash of an escape that is JSON's own.
  Token skip_json_escape() {
    Unit unit = peek();
    if (unit.code == kEnd) return Token::kCut;
    p_ = unit.next;
    if (unit.code != 'u') {
      return unit.code < 0x80 &&
                     std::string_view("\"\\/bfnrt").find(static_cast<char>(unit.code)) !=
                         std::string_view::npos
                 ? Token::kGood
                 : Token::kBad;
    }
    for (int i = 0; i < 4; ++i) {
      unit = peek();
      if (unit.code == kEnd) return Token::kCut;
      if (unit.code >= 0x80 || hex_digit(static_cast<char>(unit.code)) < 0) return Token::kBad;
      p_ = unit.next;
    }
    return Token::kGood;
  }

  Token skip_scalar(const Unit& first) {
    switch (first.code) {
      case '"':
        p_ = first.next;
        return skip_string();
      case 't':
        return skip_word("true");
      case 'f':
        return skip_word("false");
      case 'n':
        return skip_word("null");
      default:
        return skip_number();
    }
  }

  Token skip_word(std::string_view word) {
    for (const char letter : word) {
      const Unit unit = peek();
      if (unit.code != static_cast<unsigned char>(letter)) return Token::kBad;
      p_ = unit.next;
    }
    return Token::kGood;
  }

  /// A number as RFC 8259 §6 has it. Cut when the body ends where a digit is missing.
  Token skip_number() {
    accept('-');
    if (!accept('0')) {
      if (const Token digits = skip_digits(); digits != Token::kGood) return digits;
    }
    if (accept('.')) {
      if (const Token digits = skip_digits(); digits != Token::kGood) return digits;
    }
    if (accept('e') || accept('E')) {
      if (!accept('+')) accept('-');
      return skip_digits();
    }
    return Token::kGood;
  }

  bool accept(char wanted) {
    if (p_ < end_ && *p_ != '\\' && *p_ != wanted) return false;  // nearly always
    const Unit unit = peek();
    if (unit.code != static_cast<unsigned char>(wanted)) return false;
    p_ = unit.next;
    return true;
  }

  /// One digit or more.
  Token skip_digits() {
    const char* const begin = p_;
    for (;;) {
      while (p_ < end_ && is_digit(*p_)) ++p_;
      const Unit unit = peek();  // a digit may be written as an escape
      if (!is_digit_unit(unit.code)) {
        if (p_ != begin) return Token::kGood;
        return unit.code == kEnd ? Token::kCut : Token::kBad;
      }
      p_ = unit.next;
    }
  }

  /// From behind the id's value: whether `}`, a line break and `{` follow each other somewhere.
  bool is_ndjson() {
    // Within a layer of escapes a line break is one of the other escapes.
    if (std::is_same_v<Layer, BackslashLayer> && !other_escapes_) return false;
    // A brace written as an escape is legal and never seen; then every unit has to be looked at.
    const bool braces_escaped = std::is_same_v<Layer, BackslashLayer> && has_escaped_brace();
    while (p_ < end_) {
      if (!braces_escaped) p_ = find_byte(p_, end_, '}');
      Unit unit = peek();
      p_ = unit.next;
      if (unit.code != '}') continue;
      bool line_break = false;
      for (unit = peek(); is_blank(unit.code); unit = peek()) {
        line_break |= unit.code == '\n' || unit.code == '\r';
        p_ = unit.next;
      }
      if (line_break && unit.code == '{') return true;
    }
    return false;
  }

  /// Whether the rest of the body may hold `\u007d` or `\x7d`. May say yes for nothing.
  bool has_escaped_brace() const {
    const std::string_view rest(p_, end_);
    return rest.find("7d") != rest.npos || rest.find("7D") != rest.npos;
  }

  const char* p_;
  const char* const end_;
  const std::string_view name_;
  const char* quote_ = nullptr;  // the closing quote of the string that was read last
  size_t depth_ = 0;
  const bool other_escapes_;
  BodyScratch& scratch_;
};

}  // namespace

BodyId find_body_id(const LoggedText& body, std::string_view name, BodyScratch* scratch) {
  if (body.escaped) return BodyReader<BackslashLayer>(body, name, scratch).find();
  return BodyReader<PlainLayer>(body, name, scratch).find();
}

bool is_json_number(std::string_view text) {
  BodyScratch unused;
  return BodyReader<PlainLayer>({text}, {}, &unused).reads_as_number();
}

}  // namespace lastseen
