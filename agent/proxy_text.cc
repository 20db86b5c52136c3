#include "proxy_text.h"

#include <algorithm>
#include <utility>

namespace lastseen {

namespace {

// Words, quoted or not, and the marks `{`, `}` and what else `marks` holds; `#` to the end of the
// line is a comment. A newline is a word of its own where `lines`.
std::vector<std::string> words_of(std::string_view text, std::string_view marks, bool lines) {
  std::vector<std::string> words;
  for (size_t at = 0; at < text.size();) {
    const char c = text[at];
    if (c == '#') {
      at = std::min(text.find('\n', at), text.size());
    } else if (c == '\n') {
      if (lines) words.push_back("\n");
      ++at;
    } else if (c == ' ' || c == '\t' || c == '\r') {
      ++at;
    } else if (marks.find(c) != marks.npos) {
      words.push_back(std::string(1, c));
      ++at;
    } else if (c == '"' || c == '\'') {
      std::string word;
      for (++at; at < text.size() && text[at] != c; ++at) {
        if (text[at] == '\\' && at + 1 < text.size()) ++at;
        word += text[at];
      }
      ++at;
      words.push_back(std::move(word));
    } else {
      const size_t begin = at;
      while (at < text.size() && text.substr(at, 1).find_first_of(" \t\r\n\"'") == text.npos &&
             marks.find(text[at]) == marks.npos)
        ++at;
      words.emplace_back(text.substr(begin, at - begin));
    }
  }
  return words;
}

constexpr std::string_view kScripts = " postrotate prerotate firstaction lastaction preremove ";

// One directive of nginx, without its semicolon.
void read_directive(const std::vector<std::string>& words, NginxFacts& facts) {
  if (words[0] == "client_body_buffer_size") {
    facts.body_buffer_set = true;
  } else if (words[0] == "access_log" && words.size() > 1 && words[1].starts_with("/")) {
    NginxLog log{words[1], "combined"};
    if (words.size() > 2 && words[2].find('=') == std::string::npos) log.format = words[2];
    for (size_t i = 2; i < words.size(); ++i)
      log.buffered |= words[i].starts_with("buffer=") || words[i].starts_with("gzip");
    facts.logs.push_back(std::move(log));
  } else if (words[0] == "log_format" && words.size() > 2) {
    NginxFacts::Format format;
    for (size_t i = 2; i < words.size(); ++i) {
      if (i == 2 && words[i].starts_with("escape="))
        format.escapes_json = words[i] == "escape=json";
      else
        format.text += words[i];
    }
    facts.formats[words[1]] = std::move(format);
  }
}

}  // namespace

std::vector<std::string> truncated_by_logrotate(std::string_view text, bool* truncates) {
  std::vector<std::string> found, patterns, line;
  bool in_block = false, block_truncates = false, in_script = false;
  for (std::string& word : words_of(text, "{}", true)) {
    if (word != "\n" && word != "{" && word != "}") {
      line.push_back(std::move(word));
      continue;
    }
    if (!line.empty()) {
      bool& setting = in_block ? block_truncates : *truncates;
      const bool paths = !in_block && line[0].starts_with("/");
      if (in_script) {
        in_script = line[0] != "endscript";
      } else if (paths) {
        patterns.insert(patterns.end(), line.begin(), line.end());
      } else if (line[0] == "copytruncate") {
        setting = true;
      } else if (line[0] == "nocopytruncate") {
        setting = false;
      } else {
        in_script = kScripts.find(" " + line[0] + " ") != kScripts.npos;
      }
      line.clear();
    }
    if (in_script) continue;
    if (word == "{") {
      in_block = true;
      block_truncates = *truncates;
    } else if (word == "}") {
      if (block_truncates) found.insert(found.end(), patterns.begin(), patterns.end());
      patterns.clear();
      in_block = false;
    }
  }
  return found;
}

void read_nginx(std::string_view text, NginxFacts& facts) {
  std::vector<std::string> directive;
  for (std::string& word : words_of(text, "{};", false)) {
    if (word != ";" && word != "{" && word != "}") {
      directive.push_back(std::move(word));
      continue;
    }
    if (!directive.empty()) read_directive(directive, facts);
    directive.clear();
  }
}

}  // namespace lastseen
