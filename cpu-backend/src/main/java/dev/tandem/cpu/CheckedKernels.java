package dev.tandem.cpu;

import dev.tandem.core.backend.Backend;
import java.io.IOException;
import java.io.InputStream;
import java.lang.reflect.Constructor;
import java.lang.reflect.InvocationTargetException;

/**
 * Loads the classes of this package a second time, with {@linkplain CheckedCode checks} in them. So the checked mode costs the fast
 * one nothing, not even a branch on a constant, which would count in what C2 inlines.
 */
final class CheckedKernels extends ClassLoader {
  private static final String PACKAGE = CheckedKernels.class.getPackageName() + ".";

  /** One for the process, so that all checked backends share one registry. */
  private static final class Once {
    static final CheckedKernels LOADER = new CheckedKernels();
  }

  static {
    registerAsParallelCapable();
  }

  private CheckedKernels() {
    super("tandem-cpu-checked", CheckedKernels.class.getClassLoader());
  }

  /** A backend that refuses every access to memory that is not its operation's. */
  static Backend open(int threads) {
    try {
      Constructor<?> made = twin(CpuKernels.class).getDeclaredConstructor(int.class);
      made.setAccessible(true);
      return (Backend) made.newInstance(threads);
    } catch (InvocationTargetException e) {
      throw new IllegalStateException("the checked CPU backend does not start", e.getCause());
    } catch (ReflectiveOperationException e) {
      throw new IllegalStateException("the checked CPU backend does not load", e);
    }
  }

  /** The class of the same name with checks in it. */
  static Class<?> twin(Class<?> kernel) throws ClassNotFoundException {
    return Class.forName(kernel.getName(), true, Once.LOADER);
  }

  /** Those that a user sees stay single. */
  private static boolean isLoadedAgain(String name) {
    return name.startsWith(PACKAGE) && !name.equals(CpuBackend.class.getName())
        && !name.equals(CpuBackendProvider.class.getName()) && !name.startsWith(CheckedKernels.class.getName());
  }

  @Override
  protected Class<?> loadClass(String name, boolean resolve) throws ClassNotFoundException {
    if (!isLoadedAgain(name)) {
      return super.loadClass(name, resolve);
    }
    synchronized (getClassLoadingLock(name)) {
      Class<?> loaded = findLoadedClass(name);
      return loaded == null ? define(name) : loaded;
    }
  }

  private Class<?> define(String name) throws ClassNotFoundException {
    try (InputStream in = getParent().getResourceAsStream(name.replace('.', '/') + ".class")) {
      if (in == null) {
        throw new ClassNotFoundException(name);
      }
      byte[] bytes = in.readAllBytes();
      byte[] checked = CheckedCode.isPartOfTheChecks(name) ? bytes : CheckedCode.of(bytes);
      return defineClass(name, checked, 0, checked.length);
    } catch (IOException e) {
      throw new ClassNotFoundException(name, e);
    }
  }
}
