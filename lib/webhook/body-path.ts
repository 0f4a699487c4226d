/** `repository.full_name`, `items.0.id`: names and indexes between dots. */
export const BODY_PATH = /^[A-Za-z0-9_-]{1,64}(\.[A-Za-z0-9_-]{1,64}){0,15}$/;
