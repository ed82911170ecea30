package dev.tandem.cuda;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;

/**
 * A 64-bit little-endian ELF file, of which a needed library is renamed: the strings, and the hashes of the symbol versions of that
 * name, which the loader compares (System V ABI and its Linux supplement on symbol versions).
 */
final class Elf {
  private static final int MAGIC = 0x464c457f;
  private static final int STRING_TABLE = 3;
  private static final int DYNAMIC = 6;
  private static final int VERSIONS_NEEDED = 0x6ffffffe;
  private static final int NEEDED = 1;

  private final ByteBuffer bytes;
  private final List<Section> sections = new ArrayList<>();

  private record Section(int type, int link, int at, int size, int info) {
  }

  /** @param file changed by {@link #rename} */
  Elf(byte[] file) {
    bytes = ByteBuffer.wrap(file).order(ByteOrder.LITTLE_ENDIAN);
    if (file.length < 64 || bytes.getInt(0) != MAGIC || bytes.get(4) != 2) {
      throw new IllegalArgumentException("not a 64-bit ELF file");
    }
    int headers = Math.toIntExact(bytes.getLong(40));
    int size = bytes.getShort(58);
    int count = bytes.getShort(60);
    for (int i = 0; i < count; i++) {
      int h = headers + i * size;
      sections.add(new Section(bytes.getInt(h + 4), bytes.getInt(h + 40), Math.toIntExact(bytes.getLong(h + 24)),
          Math.toIntExact(bytes.getLong(h + 32)), bytes.getInt(h + 44)));
    }
  }

  /** The libraries it asks the loader for. */
  List<String> needed() {
    List<String> names = new ArrayList<>();
    for (Section s : sections) {
      for (int p = s.at; s.type == DYNAMIC && p < s.at + s.size; p += 16) {
        if (bytes.getLong(p) == NEEDED) {
          names.add(string(s, (int) bytes.getLong(p + 8)));
        }
      }
    }
    return names;
  }

  /** Makes it ask for library {@code to} instead of {@code from}, a name of the same length, and for symbols of that version. */
  void rename(String from, String to) {
    byte[] old = from.getBytes(StandardCharsets.US_ASCII);
    byte[] now = to.getBytes(StandardCharsets.US_ASCII);
    if (old.length != now.length) {
      throw new IllegalArgumentException("names of different lengths: " + from + ", " + to);
    }
    for (Section s : sections) {
      if (s.type == VERSIONS_NEEDED) {
        renameVersions(s, from, now);
      }
    }
    for (Section s : sections) {
      for (int p = s.at; s.type == STRING_TABLE && p + old.length < s.at + s.size; p++) {
        if (bytes.get(p + old.length) == 0 && matches(p, old)) {
          bytes.put(p, now);
        }
      }
    }
  }

  private void renameVersions(Section s, String from, byte[] now) {
    int need = s.at;
    for (int i = 0; i < s.info; i++) {
      int version = need + bytes.getInt(need + 8);
      for (int j = 0; j < bytes.getShort(need + 2); j++) {
        if (string(s, bytes.getInt(version + 8)).equals(from)) {
          bytes.putInt(version, hash(now));
        }
        version += bytes.getInt(version + 12);
      }
      need += bytes.getInt(need + 12);
    }
  }

  private boolean matches(int at, byte[] text) {
    for (int i = 0; i < text.length; i++) {
      if (bytes.get(at + i) != text[i]) {
        return false;
      }
    }
    return true;
  }

  private String string(Section s, int offset) {
    int start = sections.get(s.link).at + offset;
    int end = start;
    while (bytes.get(end) != 0) {
      end++;
    }
    return new String(bytes.array(), start, end - start, StandardCharsets.US_ASCII);
  }

  private static int hash(byte[] name) {
    int h = 0;
    for (byte c : name) {
      h = (h << 4) + c;
      int high = h & 0xf0000000;
      h = (h ^ high >>> 24) & ~high;
    }
    return h;
  }
}
