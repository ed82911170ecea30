package dev.tandem.core.data;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class CharacterVocabularyTest {
  private static final CharacterVocabulary ABC = CharacterVocabulary.of("cabbac");

  @Test
  void symbolsFollowTheOrderOfTheCharactersBehindTheUnknownOne() {
    assertThat(ABC.size()).isEqualTo(4);
    assertThat(ABC.encode("abcc")).containsExactly(1, 2, 3, 3);
    assertThat(ABC.decode(3, 1, 2)).isEqualTo("cab");
  }

  @Test
  void whatTheTextDidNotHaveIsUnknown() {
    assertThat(ABC.encode("a b\n")).containsExactly(1, 0, 2, 0);
    assertThat(ABC.encode("Aé~")).containsExactly(0, 0, 0);
    assertThat(ABC.decode(ABC.encode("a!c"))).isEqualTo("a\uFFFDc");
  }

  @Test
  void theReplacementCharacterIsTheUnknownSymbolItself() {
    CharacterVocabulary v = CharacterVocabulary.of("a\uFFFDb");
    assertThat(v.size()).isEqualTo(3);
    assertThat(v.encode("\uFFFD")).containsExactly(CharacterVocabulary.UNKNOWN);
  }

  @Test
  void charactersOutsideTheBasicPlaneAreOneSymbol() {
    CharacterVocabulary v = CharacterVocabulary.of("x🐋y");
    assertThat(v.size()).isEqualTo(4);
    assertThat(v.encode("🐋x")).containsExactly(3, 1);
    assertThat(v.decode(3, 3)).isEqualTo("🐋🐋");
  }

  @Test
  void theVocabularyOfNothingKnowsNothing() {
    CharacterVocabulary v = CharacterVocabulary.of("");
    assertThat(v.size()).isEqualTo(1);
    assertThat(v.encode("a")).containsExactly(0);
    assertThat(v.encode("")).isEmpty();
    assertThat(v.decode()).isEmpty();
  }

  @Test
  void aSymbolThatIsNoneIsNamed() {
    assertThatThrownBy(() -> ABC.decode(1, 4)).isInstanceOf(IndexOutOfBoundsException.class)
        .hasMessage("symbol 4 of a vocabulary of 4");
    assertThatThrownBy(() -> ABC.decode(-1)).hasMessage("symbol -1 of a vocabulary of 4");
  }

  @Test
  void windowsFollowEachOtherAndTargetsAreOneFurtherOn() {
    Dataset windows = ABC.windows("abcabcab", 3);
    assertThat(windows.specs()).hasToString("[I32[3], I32[3]]");
    assertThat(windows.size()).isEqualTo(2);
    Batch both = windows.batch(new int[] {1, 0});
    assertThat(both.get(0).toInts()).containsExactly(1, 2, 3, 1, 2, 3);
    assertThat(both.get(1).toInts()).containsExactly(2, 3, 1, 2, 3, 1);
    // "ab" is left over: its window would need two characters more.
    assertThat(windows.batch(new int[] {1}).get(1).toInts()).containsExactly(2, 3, 1);
  }

  @Test
  void aStrideMakesWindowsOverlap() {
    Dataset windows = ABC.windows("abcabcab", 3, 2);
    assertThat(windows.size()).isEqualTo(3);
    assertThat(windows.batch(new int[] {2, 1}).get(0).toInts()).containsExactly(2, 3, 1, 3, 1, 2);
    assertThat(windows.batch(new int[] {2}).get(1).toInts()).containsExactly(3, 1, 2);
  }

  @ParameterizedTest
  @CsvSource({"4, 3, 3, 1", "6, 3, 3, 1", "7, 3, 3, 2", "4, 3, 1, 1", "5, 3, 1, 2", "100, 1, 1, 99"})
  void thereAreAsManyWindowsAsFit(int characters, int length, int stride, int count) {
    Dataset windows = ABC.windows("a".repeat(characters), length, stride);
    assertThat(windows.size()).isEqualTo(count);
    assertThat(windows.batch(new int[] {count - 1}).get(1).toInts()).hasSize(length).containsOnly(1);
  }

  @Test
  void aBatchOfNoWindowsIsEmpty() {
    Batch none = ABC.windows("abc", 2).batch(new int[0]);
    assertThat(none.get(0).spec()).hasToString("I32[0, 2]");
  }

  @Test
  void whatFitsNoWindowIsRefused() {
    assertThatThrownBy(() -> ABC.windows("abc", 3)).isInstanceOf(IllegalArgumentException.class).hasMessage(
        "windows of 3 symbols need a text of at least 4, as the last one's successor belongs to it; this one has 3");
    assertThatThrownBy(() -> ABC.windows("", 1)).hasMessageEndingWith("this one has 0");
    assertThatThrownBy(() -> ABC.windows("abc", Integer.MAX_VALUE)).hasMessageContaining("at least 2147483648");
    assertThatThrownBy(() -> ABC.windows("abc", 0)).hasMessage(
        "windows of 0 symbols every 0; both must be at least 1");
    assertThatThrownBy(() -> ABC.windows("abc", 1, -1)).hasMessageContaining("every -1");
  }

  @Test
  void aWindowThatIsNotThereIsNamed() {
    Dataset windows = ABC.windows("abcabcab", 3);
    assertThatThrownBy(() -> windows.batch(new int[] {0, 2})).isInstanceOf(IndexOutOfBoundsException.class)
        .hasMessage("sample 2 of a dataset of 2");
    assertThatThrownBy(() -> windows.batch(new int[] {-1})).hasMessage("sample -1 of a dataset of 2");
  }

  @Test
  void theLastWindowsOfALongTextAreWhereTheyShouldBe() {
    int[] order = new int[1000];
    var text = new StringBuilder();
    for (int i = 0; i < order.length; i++) {
      order[i] = 1 + i % 3;
      text.append("abc".charAt(i % 3));
    }
    Dataset windows = ABC.windows(text.toString(), 64);
    assertThat(windows.size()).isEqualTo(15);
    Batch last = windows.batch(new int[] {14});
    for (int i = 0; i < 64; i++) {
      assertThat(last.get(0).get(i)).isEqualTo(order[14 * 64 + i]);
      assertThat(last.get(1).get(i)).isEqualTo(order[14 * 64 + i + 1]);
    }
  }
}
