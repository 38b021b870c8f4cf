/* Takes the place of dlclose in sanitizer builds; see src/meson.build. */
int dlclose(void *handle);

int dlclose(void *handle)
{
    (void)handle;
    return 0;
}
