package dev.tandem.examples;

import dev.tandem.core.placeholder.Placeholder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;

public final class Main {
  private Main() {}

  public static void main(String[] args) {
    System.out.println(new Placeholder("x") + " " + dev.tandem.cpu.Placeholder.lanes() + " lanes "
        + Main.class.getPackage().getImplementationVersion() + " " + Arrays.toString(args));
    System.out.println(args.length > 0 && Files.exists(Path.of(args[0])));
  }
}
